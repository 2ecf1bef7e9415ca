"""Frozen settings: who calls, where to, under which contract, how fast and how patiently."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Literal, NoReturn, Self, TypeAlias, cast, get_args
from urllib.parse import urlsplit

from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import ConfigError

__all__ = [
    "CallOptions",
    "Credentials",
    "Priority",
    "RateLimit",
    "RetryPolicy",
    "Secret",
    "Settings",
    "Timeouts",
]

Priority: TypeAlias = Literal["interactive", "bulk"]
"""What somebody waits for, and what may take its time; calls of the first kind overtake the others."""

_HOSTS = {
    "production": ("https://api.servicetitan.io", "https://auth.servicetitan.io/connect/token"),
    "integration": (
        "https://api-integration.servicetitan.io",
        "https://auth-integration.servicetitan.io/connect/token",
    ),
}


class Secret:
    """A text that shows only where it is asked for by `reveal()`.

    It does not pickle: a secret is found where it is needed, never sent there inside something else.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; keep it out of names that live long and out of messages."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret does not pickle; read the credentials where they are used")


@dataclass(frozen=True, slots=True, init=False)
class Credentials:
    """Who calls: one app in one tenant. Nothing of it but the tenant and client ids ever shows.

    Client id and secret belong to one tenant and one environment; the app key belongs to the app and
    serves every tenant. Credentials do not pickle.
    """

    tenant_id: int
    client_id: str
    client_secret: Secret
    app_key: Secret

    def __init__(
        self, *, tenant_id: int, client_id: str, client_secret: str | Secret, app_key: str | Secret
    ) -> None:
        secret = client_secret if isinstance(client_secret, Secret) else Secret(client_secret)
        key = app_key if isinstance(app_key, Secret) else Secret(app_key)
        problems: dict[str, str] = {}
        if not _is_id(tenant_id):
            problems["tenant_id"] = "must be a positive whole number"
        for name, text in (
            ("client_id", client_id),
            ("client_secret", secret.reveal()),
            ("app_key", key.reveal()),
        ):
            if (problem := _header_problem(text)) is not None:
                problems[name] = problem
        if problems:
            raise ConfigError(problems)
        for name, value in (
            ("tenant_id", tenant_id),
            ("client_id", client_id),
            ("client_secret", secret),
            ("app_key", key),
        ):
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How fast one (app key, tenant) may be called from this process.

    Never more than `per_second * share` requests leave in any sliding second; the service allows 60.
    `share` is this process's part of it where several processes serve the same tenant.
    """

    per_second: float = 60
    share: float = 1.0

    def __post_init__(self) -> None:
        problems = {}
        if not 0 < self.share <= 1:
            problems["share"] = "must be over 0 and at most 1"
        elif not 3 <= self.budget < float("inf"):
            problems["per_second"] = "must leave this process at least 3 requests a second, and be finite"
        if problems:
            raise ConfigError(problems)

    @property
    def budget(self) -> float:
        """The requests this process may send in a second."""
        return self.per_second * self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait: for a connection, for one attempt, for admission, and for the call as a whole.

    The service itself gives up on a request after 100 s, so one attempt waits a little longer.
    `admission` and `call` bound the wait for a free place under the rate limit and the call with all
    its attempts and waits; None waits as long as it takes.
    """

    connect: float = 10.0
    attempt: float = 110.0
    admission: float | None = None
    call: float | None = 300.0

    def __post_init__(self) -> None:
        problems = {
            name: "must be over 0 seconds"
            for name in ("connect", "attempt", "admission", "call")
            if (value := getattr(self, name)) is not None and not value > 0
        }
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long a failed call is tried again.

    Before try n+1 a call waits a random time between 0 and `initial * 2 ** (n - 1)` seconds, at most
    `longest`; a `Retry-After` of the service is kept to instead. It gives up after `attempts` tries or
    when `seconds` have passed since the first.
    """

    attempts: int = 8
    seconds: float = 120.0
    initial: float = 0.5
    longest: float = 20.0

    def __post_init__(self) -> None:
        problems = {}
        if self.attempts < 1:
            problems["attempts"] = "must be at least 1"
        problems |= {
            name: "must be at least 0 seconds"
            for name in ("seconds", "initial", "longest")
            if not getattr(self, name) >= 0
        }
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How one call is made: the seconds it may take, None for any number; its retries; who goes first."""

    timeout: float | None
    retries: RetryPolicy
    priority: Priority = "interactive"

    def __post_init__(self) -> None:
        problems = {}
        if self.timeout is not None and not self.timeout > 0:
            problems["timeout"] = "must be over 0 seconds"
        if self.priority not in get_args(Priority):
            problems["priority"] = f"must be one of {', '.join(get_args(Priority))}"
        if problems:
            raise ConfigError(problems)

    @property
    def policy(self) -> RetryPolicy:
        """The retries, of which none begins after the end of the call."""
        seconds = self.retries.seconds
        return (
            self.retries
            if self.timeout is None
            else replace(self.retries, seconds=min(seconds, self.timeout))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything about a client but its credentials.

    `api_url` and `auth_url` (the whole token URL) override what `environment` says where they are
    given; both must be https, or http on loopback. `max_response_bytes` bounds one decompressed answer.
    """

    environment: str = "production"
    contract: ContractName = "portal"
    api_url: str | None = None
    auth_url: str | None = None
    rate: RateLimit = field(default_factory=RateLimit)
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    max_response_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        problems = {}
        if self.environment not in _HOSTS:
            problems["environment"] = f"must be one of {', '.join(_HOSTS)}"
        if self.contract not in get_args(ContractName):
            problems["contract"] = f"must be one of {', '.join(get_args(ContractName))}"
        if self.max_response_bytes < 1:
            problems["max_response_bytes"] = "must be at least 1"
        for name in ("api_url", "auth_url"):
            if (url := getattr(self, name)) and (problem := _url_problem(url)) is not None:
                problems[name] = problem
        if problems:
            raise ConfigError(problems)

    @property
    def calls(self) -> CallOptions:
        """How a call is made of which nothing else is said."""
        return CallOptions(self.timeouts.call, self.retries)

    @property
    def host(self) -> str:
        """Where the API is, without a slash at the end."""
        return (self.api_url or _HOSTS[self.environment][0]).rstrip("/")

    @property
    def token_url(self) -> str:
        """Where tokens are handed out."""
        return self.auth_url or _HOSTS[self.environment][1]


def read_environment(
    environ: Mapping[str, str] | None = None,
    *,
    settings: Settings | None = None,
    contract: ContractName | None = None,
) -> tuple[Credentials, Settings]:
    """Credentials and settings from the `SERVICETITAN_*` variables; `contract` overrides its variable.

    What the variables do not say is taken from `settings`.

    Raises:
        ConfigError: naming every variable that is missing or malformed, and no value.
    """
    env, base = os.environ if environ is None else environ, settings or Settings()
    problems: dict[str, str] = {}

    def text(name: str) -> str:
        return env.get(f"SERVICETITAN_{name}", "").strip()

    def check(name: str, problem: Callable[[str], str | None], *, required: bool = False) -> None:
        value = text(name)
        if not value and required:
            problems[f"SERVICETITAN_{name}"] = "is missing"
        elif value and (wrong := problem(value)) is not None:
            problems[f"SERVICETITAN_{name}"] = wrong

    for name in ("CLIENT_ID", "CLIENT_SECRET", "APP_KEY"):
        check(name, _header_problem, required=True)
    check("TENANT_ID", _id_problem, required=True)
    check("ENVIRONMENT", _choice(tuple(_HOSTS)))
    check("CONTRACT", _choice(get_args(ContractName)))
    for name in ("API_URL", "AUTH_URL"):
        check(name, _url_problem)
    if problems:
        raise ConfigError(problems)
    return Credentials(
        tenant_id=int(text("TENANT_ID")),
        client_id=text("CLIENT_ID"),
        client_secret=text("CLIENT_SECRET"),
        app_key=text("APP_KEY"),
    ), replace(
        base,
        environment=text("ENVIRONMENT") or base.environment,
        contract=contract or cast("ContractName", text("CONTRACT") or base.contract),
        api_url=text("API_URL") or base.api_url,
        auth_url=text("AUTH_URL") or base.auth_url,
    )


def _choice(allowed: tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}"


def _id_problem(value: str) -> str | None:
    right = value.isascii() and value.isdigit() and len(value) < 20 and int(value) > 0
    return None if right else "must be a positive whole number"


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _header_problem(value: str) -> str | None:
    # These travel in headers and forms; a stray newline from a file would break both.
    if not value.strip():
        return "must not be empty"
    return None if value.isascii() and value.isprintable() else "must be printable ASCII on one line"


def _url_problem(url: str) -> str | None:
    # `urlsplit` passes over line breaks, and what comes after would have another reading of the rest.
    if not (url.isascii() and url.isprintable()) or set(url) & set(" \\"):
        return "must be printable ASCII without spaces or backslashes"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "must be an http or https URL with a host"
    if parts.username or parts.password:
        return "must not carry a user name or password"
    if parts.query or parts.fragment:
        return "must not carry a query or a fragment"
    if parts.scheme == "http" and not _is_loopback(host):
        return "must be https; plain http is for loopback only, as the secret would travel in the clear"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
