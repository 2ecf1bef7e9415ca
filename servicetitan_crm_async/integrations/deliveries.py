"""What is posted to a webhook: who proves to be the sender, and which event it is; pure.

ServiceTitan signs deliveries where the app has an HMAC key in the developer portal. The published contract
names neither the header nor the text form of the signature, so `Signature` asks you for the one and takes
both usual forms of the other. Where no key is set, a secret in the URL is what only ServiceTitan knows.

An answer other than 200 makes ServiceTitan deliver again, after 10, 30, 60 and 300 seconds.
"""

from __future__ import annotations

import base64
import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from servicetitan_crm_async import webhooks
from servicetitan_crm_async.config import Secret
from servicetitan_crm_async.errors import ConfigError, DecodeError
from servicetitan_crm_async.integrations.problems import Problem, bare_problem

__all__ = [
    "MAX_BYTES",
    "Delivery",
    "Proof",
    "SecretHeader",
    "SecretPath",
    "Signature",
    "event_of",
    "too_large",
]

logger = logging.getLogger("servicetitan_crm_async")

MAX_BYTES = 1024 * 1024
"""Of the body of one delivery; an event is some kilobytes."""

SECRET_PARAMETER = "secret"  # noqa: S105  # the name of one
"""Of the path, in the routes of `SecretPath`."""
_SHORTEST = 16
_IN_A_PATH = re.compile(r"[\w-]+", re.ASCII)


class Delivery(NamedTuple):
    """A request to the webhook, whichever framework it came through."""

    headers: Mapping[str, str]
    """Found whatever their case."""
    path_secret: str
    body: bytes

    def __repr__(self) -> str:
        return f"Delivery({len(self.body)} bytes)"


class Proof(Protocol):
    """How a delivery proves to come from ServiceTitan."""

    def route(self, path: str) -> str:
        """The route of a webhook at this path."""
        ...

    def holds(self, delivery: Delivery) -> bool:
        """Whether it does; the time it takes does not tell how wrong it is."""
        ...


@dataclass(frozen=True, slots=True, init=False)
class SecretPath:
    """The last part of the URL is a secret: `https://…/webhooks/servicetitan/<secret>`.

    Logs of requests have it in them, those of a server or of a proxy.
    """

    secret: Secret

    def __init__(self, secret: str | Secret) -> None:
        object.__setattr__(self, "secret", _strong(secret))
        if not _IN_A_PATH.fullmatch(self.secret.reveal()):
            raise ConfigError({"secret": "must be letters, digits, - and _ alone, as it is part of a URL"})

    def route(self, path: str) -> str:
        return f"{path.rstrip('/')}/{{{SECRET_PARAMETER}}}"

    def holds(self, delivery: Delivery) -> bool:
        return _same(delivery.path_secret, self.secret.reveal())


@dataclass(frozen=True, slots=True, init=False)
class SecretHeader:
    """A header has the secret, as a proxy or gateway of yours can add it."""

    header: str
    secret: Secret

    def __init__(self, header: str, secret: str | Secret) -> None:
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "secret", _strong(secret))

    def route(self, path: str) -> str:
        return path

    def holds(self, delivery: Delivery) -> bool:
        return _same(delivery.headers.get(self.header, ""), self.secret.reveal())


@dataclass(frozen=True, slots=True, init=False)
class Signature:
    """A header has the HMAC-SHA256 of the body under the HMAC key of the app, in hex or base64."""

    header: str
    key: Secret

    def __init__(self, header: str, key: str | Secret) -> None:
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "key", _strong(key))

    def route(self, path: str) -> str:
        return path

    def holds(self, delivery: Delivery) -> bool:
        digest = hmac.digest(self.key.reveal().encode(), delivery.body, "sha256")
        given = delivery.headers.get(self.header, "").removeprefix("sha256=")
        # Both are compared, so that the time does not tell which form was meant.
        in_hex, in_base64 = (
            _same(given.lower(), digest.hex()),
            _same(given, base64.b64encode(digest).decode()),
        )
        return in_hex or in_base64


def event_of(delivery: Delivery, proof: Proof) -> webhooks.Event | Problem:
    """The event of a delivery, or the problem to answer with. Nothing of a bad body is quoted anywhere."""
    if not proof.holds(delivery):
        logger.warning("a delivery to the webhook was refused: it does not prove who sent it")
        return bare_problem(403)
    try:
        return webhooks.parse(delivery.body)
    except DecodeError as error:
        logger.warning("a delivery to the webhook was refused: %s", error)
        return bare_problem(400, "This is no event.")


def too_large(limit: int) -> Problem:
    """The problem of a body over the limit."""
    return bare_problem(413, f"A delivery has {limit} bytes at most.")


def _strong(secret: str | Secret) -> Secret:
    kept = secret if isinstance(secret, Secret) else Secret(secret)
    if len(kept.reveal()) < _SHORTEST:
        raise ConfigError({"secret": f"must have at least {_SHORTEST} characters"})
    return kept


def _same(given: str, expected: str) -> bool:
    # Headers may hold anything, also what no codec made of them.
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
