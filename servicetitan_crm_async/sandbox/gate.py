"""Who may come in, and how often: tokens, app keys, and the sliding second of each (app key, tenant)."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from urllib.parse import parse_qsl

import msgspec

from .instants import TICKS_PER_SECOND, ticks_of_seconds
from .messages import Problem, Reply, Request, encode_json


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """The credentials of one tenant. Nothing here is secret: they open a sandbox."""

    tenant_id: int
    client_id: str
    client_secret: str
    app_key: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the gate lets through.

    Args:
        rate_limit: requests in any second for each (app key, tenant); None is no limit.
        token_life: seconds for which a token serves. Every token serves its whole life, however many
            are fetched meanwhile.
        token_requests_per_minute: for each client id; None is no limit.
    """

    rate_limit: int | None = 60
    token_life: float = 900.0
    token_requests_per_minute: int | None = 60


class SlidingWindow:
    """Counts what happened in the time just gone; what is as old as the window itself is out of it."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._times: deque[int] = deque()

    def count(self, now: int) -> int:
        """How many lie within the window that ends now."""
        while self._times and self._times[0] <= now - self._length:
            self._times.popleft()
        return len(self._times)

    def add(self, now: int) -> None:
        """Count one more."""
        self._times.append(now)

    def wait(self, now: int) -> int:
        """Whole seconds, at least one, until the oldest leaves the window."""
        return max(1, -((now - self._times[0] - self._length) // TICKS_PER_SECOND)) if self._times else 1


class _Token(msgspec.Struct):
    tenant_id: int
    expires: int


class Gate:
    """Hands out tokens and turns away whoever has none, has somebody else's, or comes too often."""

    def __init__(self, seed: int, limits: Limits) -> None:
        self.limits = limits
        self.tenants: dict[int, Tenant] = {}
        self._key = blake2b(f"tokens/{seed}".encode(), digest_size=32).digest()
        self._tokens: dict[str, _Token] = {}
        self._handed_out = 0
        self._seconds: dict[tuple[str, int], SlidingWindow] = {}
        self._minutes: dict[str, SlidingWindow] = {}

    def hand_out(self, request: Request, now: int) -> Reply:
        """`POST /connect/token`: a token for right credentials, the errors of OAuth for wrong ones."""
        if request.method != "POST":
            raise Problem(405, "Method not allowed.", headers={"Allow": "POST"})
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        client_id = form.get("client_id", "")
        limit = self.limits.token_requests_per_minute
        if limit is not None:
            minute = self._minutes.setdefault(client_id, SlidingWindow(60 * TICKS_PER_SECOND))
            if minute.count(now) >= limit:
                raise Problem(429, "Too many token requests.", headers={"Retry-After": str(minute.wait(now))})
            minute.add(now)
        if form.get("grant_type") != "client_credentials":
            return Reply(400, encode_json({"error": "unsupported_grant_type"}))
        tenant = next((each for each in self.tenants.values() if each.client_id == client_id), None)
        if tenant is None or tenant.client_secret != form.get("client_secret"):
            return Reply(400, encode_json({"error": "invalid_client"}))
        token = self._new_token(tenant.tenant_id, now)
        life = self.limits.token_life
        answer = {
            "access_token": token,
            "expires_in": int(life),
            "token_type": "Bearer",
            "scope": "crm settings",
        }
        return Reply(200, encode_json(answer))

    def expire_tokens(self) -> None:
        """Take back every token there is."""
        self._tokens.clear()

    def admit(self, request: Request, tenant_id: int, now: int) -> None:
        """Let a request through, or say why not.

        Raises:
            Problem: 401 for the token or the app key, 403 for another tenant's, 429 past the rate. A
                request that is turned away does not count towards the rate.
        """
        scheme, _, text = (request.header("Authorization") or "").partition(" ")
        token = self._tokens.get(text.strip()) if scheme.lower() == "bearer" else None
        if token is None or token.expires <= now:
            raise Problem(401, "Unauthorized: the access token is missing or not valid.")
        app_key = request.header("ST-App-Key") or ""
        if not any(app_key == tenant.app_key for tenant in self.tenants.values()):
            raise Problem(401, "Unauthorized: the application key is missing or not known.")
        tenant = self.tenants.get(tenant_id)
        if tenant is None or token.tenant_id != tenant_id or tenant.app_key != app_key:
            raise Problem(403, "Forbidden: no access to this tenant.")
        limit = self.limits.rate_limit
        if limit is None:
            return
        second = self._seconds.setdefault((app_key, tenant_id), SlidingWindow(TICKS_PER_SECOND))
        if second.count(now) >= limit:
            raise Problem(429, "Rate limit exceeded.", headers={"Retry-After": str(second.wait(now))})
        second.add(now)

    def _new_token(self, tenant_id: int, now: int) -> str:
        self._handed_out += 1
        text = blake2b(
            f"{tenant_id}/{self._handed_out}/{now}".encode(), key=self._key, digest_size=24
        ).hexdigest()
        self._tokens = {key: each for key, each in self._tokens.items() if each.expires > now}
        self._tokens[text] = _Token(tenant_id, now + ticks_of_seconds(self.limits.token_life))
        return text
