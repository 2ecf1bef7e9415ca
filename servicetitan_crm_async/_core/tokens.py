"""The token cache: one fetch however many wait, and stores that outlive the process."""

# Invariants, quoted by number in tests/core/test_tokens.py.
# 1. At most one fetch is under way. Its owner is a caller; cancelled, it passes the turn to the next.
# 2. Near expiry one caller renews while the others go on with the token that still serves.
# 3. A refused token is forgotten only while it is still the cached one, so fifty callers whose calls
#    were refused with the same token cost one fetch.
# 4. A fetch that failed answers everyone who had come before it ended: a queue of a thousand does not
#    knock a thousand times.

from __future__ import annotations

import copy
import hashlib
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import anyio
import msgspec

from servicetitan_crm_async._core.clock import Clock
from servicetitan_crm_async.config import Secret
from servicetitan_crm_async.errors import AuthError, ServiceTitanError

logger = logging.getLogger("servicetitan_crm_async")

_REFUSAL_SECONDS = 5.0
"""How long refused credentials are not tried again."""
_MARGIN_SECONDS = 30.0


class Token(NamedTuple):
    """A bearer token; `issued_at` is monotonic time, so that a clock set anew does not age it."""

    value: Secret
    issued_at: float
    life: float
    """Seconds the service gave it, counted from before it was asked for."""


class StoredToken(NamedTuple):
    """A token for another process, which has another monotonic clock; instants are seconds since 1970."""

    value: Secret
    issued_at: float
    expires_at: float


class TokenStore(Protocol):
    """Where tokens are kept between processes. A store that fails is worked without, never fatal.

    Whatever it raises is logged by its type alone, as the text may hold the token.
    """

    async def load(self, key: str) -> StoredToken | None: ...

    async def save(self, key: str, token: StoredToken | None) -> None:
        """Keep the token, or forget it where it is None."""
        ...


class FileTokenStore:
    """Tokens in a folder, a file with mode 0600 each, for commands that cron runs.

    The file's name is a digest of client id and token URL. It holds the bearer token in the clear for
    the token's life, 15 minutes; keep the folder where nobody else reads.
    """

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)

    async def load(self, key: str) -> StoredToken | None:
        return await anyio.to_thread.run_sync(self._load, key)

    async def save(self, key: str, token: StoredToken | None) -> None:
        await anyio.to_thread.run_sync(self._save, key, token)

    def _path(self, key: str) -> Path:
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.token"

    def _load(self, key: str) -> StoredToken | None:
        try:
            value, issued_at, expires_at = msgspec.json.decode(
                self._path(key).read_bytes(), type=tuple[str, float, float]
            )
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return StoredToken(Secret(value), issued_at, expires_at)

    def _save(self, key: str, token: StoredToken | None) -> None:
        path = self._path(key)
        if token is None:
            path.unlink(missing_ok=True)
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp creates with mode 0600, and the rename keeps it: at no moment can another user read.
        handle, temporary = tempfile.mkstemp(dir=self._directory, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode((token.value.reveal(), token.issued_at, token.expires_at)))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


Fetch = Callable[[], Awaitable[tuple[Secret, float]]]
"""Asks the token service; answers the bearer token and its life in seconds."""


class TokenCache:
    """The token of one client id at one token URL, shared by every client of the loop that has both."""

    def __init__(self, key: str, clock: Clock, store: TokenStore | None = None) -> None:
        self._key, self._clock, self._store = key, clock, store
        self._lock = anyio.Lock()
        self._token: Token | None = None
        self._failure: tuple[ServiceTitanError, float] | None = None
        self._refused: Secret | None = None
        self.fetches = 0
        """Requests made to the token service."""

    def at_hand(self) -> Token | None:
        """A usable token, where there is one and it need not be renewed by whoever asks."""
        token = self._token
        if token and (self._fresh(token) or (self._serves(token) and self._lock.locked())):
            return token
        return None

    async def get(self, fetch: Fetch) -> Token:
        """Return a usable token; however many callers wait, one request is in flight.

        `fetch` is the caller's own way to the token service, as the cache may outlive any one client.
        Near expiry the first caller renews while the others go on with the old token. A caller
        cancelled while fetching passes the turn to the next in line.

        Raises:
            AuthError: the credentials were refused, now or in the last 5 seconds.
            TransportFailure: the token service cannot be reached.
            ApiError: it answered with an error that is no refusal.
        """
        if (token := self.at_hand()) is not None:
            return token
        came_at = self._clock.monotonic()
        async with self._lock:
            if (token := self._token) is not None and self._fresh(token):
                return token
            self._answer_with_a_known_failure(came_at)
            return await self._stored() or await self._fetched(fetch)

    async def forget(self, token: Token) -> None:
        """Drop this very token, which the service refused; a newer one stays."""
        if self._token is token:
            self._token, self._refused = None, token.value
            await self._keep(None)

    async def _fetched(self, fetch: Fetch) -> Token:
        asked_at, wall = self._clock.monotonic(), self._clock.now().timestamp()
        self.fetches += 1
        try:
            value, life = await fetch()
        except ServiceTitanError as error:
            self._failure = (error, self._clock.monotonic())
            raise
        self._failure = None
        # Known before it is kept: a caller cancelled while a slow store writes must not lose it.
        token = self._token = Token(value, asked_at, life)
        await self._keep(StoredToken(value, wall, wall + life))
        return token

    async def _stored(self) -> Token | None:
        # Each time before one is fetched: another process may have renewed it a moment ago.
        if self._store is None:
            return None
        try:
            kept = await self._store.load(self._key)
        except Exception as error:
            _work_without(error)
            return None
        if kept is None or kept.value == self._refused or not is_bearer(kept.value.reveal()):
            return None
        age = max(0.0, self._clock.now().timestamp() - kept.issued_at)
        token = Token(kept.value, self._clock.monotonic() - age, kept.expires_at - kept.issued_at)
        if not self._fresh(token):
            return None
        self._token = token
        return token

    async def _keep(self, token: StoredToken | None) -> None:
        if self._store is not None:
            try:
                await self._store.save(self._key, token)
            except Exception as error:
                _work_without(error)

    def _answer_with_a_known_failure(self, came_at: float) -> None:
        if self._failure is None:
            return
        error, failed_at = self._failure
        age = self._clock.monotonic() - failed_at
        if failed_at >= came_at or (isinstance(error, AuthError) and age < _REFUSAL_SECONDS):
            # A copy each: one exception raised in many tasks would gather all their tracebacks.
            raise copy.copy(error)

    def _serves(self, token: Token) -> bool:
        return self._left(token) > _margin(token)

    def _fresh(self, token: Token) -> bool:
        return self._left(token) > 2 * _margin(token)

    def _left(self, token: Token) -> float:
        return token.issued_at + token.life - self._clock.monotonic()


def is_bearer(text: str) -> bool:
    """Whether a text can travel in a header as a token."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _work_without(error: Exception) -> None:
    logger.warning("the token store failed (%s) and is worked without", type(error).__name__)


def _margin(token: Token) -> float:
    # A token too close to its end is not sent: the request may be slow to arrive. Two margins before
    # the end one caller renews it, and for one margin more it serves the others.
    return min(_MARGIN_SECONDS, token.life / 10)
