"""Keyrings for tests: one in memory, and one in a file for commands in processes of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import PasswordDeleteError

FILE = "TEST_KEYRING_FILE"


class MemoryKeyring(KeyringBackend):
    """Entries in a dictionary."""

    label = "memory"

    @properties.classproperty
    def priority(cls) -> float:  # noqa: N805
        """Never chosen unless it is named."""
        return -1

    @properties.classproperty
    def name(cls) -> str:  # noqa: N805
        return str(cls.label)

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[f"{service}/{username}"] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError(username)


class FileKeyring(MemoryKeyring):
    """Entries in the file that `TEST_KEYRING_FILE` names."""

    label = "test file"

    def __init__(self) -> None:
        super().__init__()
        self._path = Path(os.environ[FILE])
        if self._path.exists():
            self.entries = json.loads(self._path.read_text())

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password)
        self._path.write_text(json.dumps(self.entries))

    def delete_password(self, service: str, username: str) -> None:
        super().delete_password(service, username)
        self._path.write_text(json.dumps(self.entries))


class ForgetfulKeyring(MemoryKeyring):
    """Takes everything and keeps nothing."""

    label = "forgetful"

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class LockedKeyring(MemoryKeyring):
    """Nobody unlocks it, and it says more than it should."""

    label = "locked"

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("cs.hush is locked away")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"cannot keep {password}")


@contextmanager
def in_use(backend: KeyringBackend) -> Iterator[None]:
    """This process's keyring, while the block lasts."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)


def keyring_environ(file: Path) -> dict[str, str]:
    """The variables by which a command uses the keyring in a file."""
    return {
        "PYTHON_KEYRING_BACKEND": "keyring_kit.FileKeyring",
        "PYTHONPATH": str(Path(__file__).parent),
        FILE: str(file),
    }
