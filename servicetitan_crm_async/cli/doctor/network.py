"""Whether a name resolves, and whether something answers behind it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from servicetitan_crm_async.cli.doctor.findings import Finding, failed, passed

_NAMES = (
    "Look at the network and the DNS of this machine, and at SERVICETITAN_API_URL and SERVICETITAN_AUTH_URL "
    "if they are set."
)
_WAY = (
    "Look at the network. Commands go straight to the host; where a proxy is a must they do not get through."
)
_CERTIFICATE = "A proxy on the way that shows one of its own does this, and so does a clock that is far off."
_PORT = "Something answers that does not speak TLS: look at the URL and its port."
_CLOSE_SECONDS = 1.0


class Door(NamedTuple):
    """Where a URL leads to."""

    host: str
    port: int
    tls: bool

    @property
    def name(self) -> str:
        """As it is shown: `api.servicetitan.io:443`."""
        return f"{self.host}:{self.port}"


def door_of(url: str) -> Door:
    """The door of a URL that the settings let through."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Door(parts.hostname or "", parts.port or (443 if tls else 80), tls)


async def looked_up(host: str, *, seconds: float) -> Finding:
    """Whether a name resolves."""
    with suppress(ValueError):
        ip_address(host)
        return passed("dns", host, "an address, no name to look up")
    try:
        async with asyncio.timeout(seconds):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        return failed("dns", host, f"no answer within {seconds:g} s", _NAMES)
    except (OSError, UnicodeError) as error:  # a part that is too long or empty is a UnicodeError
        return failed("dns", host, _reason(error), _NAMES)
    return passed("dns", host, _listed([str(each[4][0]) for each in found]))


async def connected(door: Door, *, seconds: float) -> Finding:
    """Whether the host takes a connection and, over TLS, proves to be itself."""
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(
                door.host, door.port, ssl=ssl.create_default_context() if door.tls else None
            )
    except TimeoutError:
        return failed("connection", door.name, f"none within {seconds:g} s", _WAY)
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is not trusted: {error.verify_message}"
        return failed("connection", door.name, why, _CERTIFICATE)
    except ssl.SSLError as error:
        return failed("connection", door.name, f"no TLS: {error.reason or type(error).__name__}", _PORT)
    except OSError as error:
        return failed("connection", door.name, _reason(error), _WAY)
    took = loop.time() - began_at
    version = writer.get_extra_info("ssl_object").version() if door.tls else "without TLS"
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await writer.wait_closed()
    return passed("connection", door.name, f"{version}, in {took * 1000:.0f} ms")


def _listed(addresses: Sequence[str]) -> str:
    first, *rest = dict.fromkeys(addresses)
    return f"{first} and {len(rest)} more" if rest else first


def _reason(error: Exception) -> str:
    # Those of asyncio say where to instead of why, and those of a resolver have numbers of their own.
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
