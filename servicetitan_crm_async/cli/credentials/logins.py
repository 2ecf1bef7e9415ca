"""Logins that outlive a command: one for each tenant, in the keyring of the machine.

A login is the variables that lead to a tenant, as one entry. The keyring cannot be asked what it holds, so
one more entry lists the tenants; a login that is lost from the list, as when two commands store at once, is
still found by its tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from servicetitan_crm_async.errors import ConfigError

T = TypeVar("T")

_SERVICE, _LIST = "servicetitan-crm", "tenants"
_MISSING = "the keyring needs an extra: pip install 'servicetitan-crm-async[keyring]'"
_NONE = (
    "there is no keyring on this machine, as on most servers. Put the SERVICETITAN_* variables into the "
    "environment, or into a file .env that only you can read; or install a keyring backend and name it in "
    "PYTHON_KEYRING_BACKEND (keyring --list-backends)"
)
_REFUSED = (
    "the keyring refused ({name}). Unlock it, look at PYTHON_KEYRING_BACKEND if that is set, or set the "
    "SERVICETITAN_* variables, for which no keyring is asked"
)
_DAMAGED = "{what} in the keyring is damaged; servicetitan-crm login stores it anew"
_FORGETFUL = "the keyring {name} keeps nothing; name another backend in PYTHON_KEYRING_BACKEND"


def stored_tenants() -> tuple[int, ...]:
    """The tenants that have a login; none where there is no keyring.

    Raises:
        ConfigError: the keyring refuses, or is locked.
    """
    text = _asked(_LIST)
    return () if text is None else tuple(sorted(_decoded(text, list[int], "the list of the logins")))


def stored_login(tenant: int) -> dict[str, str] | None:
    """The variables of a tenant; None where it has no login, or there is no keyring.

    Raises:
        ConfigError: the keyring refuses, or is locked, or holds something else.
    """
    text = _asked(str(tenant))
    return None if text is None else _decoded(text, dict[str, str], f"the login of tenant {tenant}")


def store_login(tenant: int, variables: Mapping[str, str]) -> str:
    """Keep the variables of a tenant, in place of those kept before; answers the name of the keyring.

    Raises:
        ConfigError: there is no keyring, or it refuses, or keeps nothing.
    """
    with _keyring_errors():
        import keyring

        text = msgspec.json.encode(variables).decode()
        name = keyring.get_keyring().name
        keyring.set_password(_SERVICE, str(tenant), text)
        # One that keeps nothing says nothing either.
        if keyring.get_password(_SERVICE, str(tenant)) != text:
            raise ConfigError(_FORGETFUL.format(name=name))
        _list({*stored_tenants(), tenant})
    return name


def only_tenant() -> int | None:
    """The tenant that has a login, where one has; None where none has.

    Raises:
        ConfigError: several have, or the keyring refuses, or is locked.
    """
    tenants = stored_tenants()
    if len(tenants) > 1:
        raise ConfigError({"--tenant": f"is missing: {_listed(tenants)} have logins"})
    return tenants[0] if tenants else None


def remove_login(tenant: int) -> None:
    """Forget the variables of a tenant.

    Raises:
        ConfigError: it has no login, or there is no keyring, or it refuses.
    """
    with _keyring_errors():
        import keyring

        others = [each for each in stored_tenants() if each != tenant]
        if keyring.get_password(_SERVICE, str(tenant)) is None:
            known = f"; {_listed(others)} have" if others else ""
            raise ConfigError({"--tenant": f"{tenant} has no login{known}"})
        keyring.delete_password(_SERVICE, str(tenant))
        _list(others)


def _listed(tenants: Iterable[int]) -> str:
    return f"tenants {', '.join(map(str, tenants))}"


def _list(tenants: Iterable[int]) -> None:
    import keyring

    keyring.set_password(_SERVICE, _LIST, msgspec.json.encode(sorted(tenants)).decode())


def _asked(entry: str) -> str | None:
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return None
    with _keyring_errors():
        try:
            return keyring.get_password(_SERVICE, entry)
        except NoKeyringError:
            return None


def _decoded(text: str, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        raise ConfigError(
            f"{what} in the keyring is damaged; servicetitan-crm login stores it anew"
        ) from None


@contextmanager
def _keyring_errors() -> Iterator[None]:
    """Whatever the keyring raises, without its text, which may quote what was to be kept."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # each backend has errors of its own
        raise ConfigError(_why(error)) from None


def _why(error: Exception) -> str:
    if isinstance(error, ImportError) and error.name == "keyring":
        return _MISSING
    from keyring.errors import NoKeyringError

    return _NONE if isinstance(error, NoKeyringError) else _REFUSED.format(name=type(error).__name__)
