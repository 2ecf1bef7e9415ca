"""Runs the command in this process, against a sandbox in a thread."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from command_kit import Outcome, clean_environ

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.sandbox import SandboxServer


class Desk:
    """Where a person sits who types commands, and sees what comes of them."""

    def __init__(
        self,
        server: SandboxServer,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        folder: Path,
    ) -> None:
        self.server, self.sandbox, self.folder = server, server.sandbox, folder
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str, piped: str | bytes = b"") -> Outcome:
        """Type a command; `piped` is what is piped into it."""
        given = piped.encode() if isinstance(piped, str) else piped
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        self._capsys.readouterr()
        code = main(arguments)
        said = self._capsys.readouterr()
        return Outcome(code, said.out, said.err)

    @property
    def asked(self) -> list[str]:
        """What the service was asked for, tokens left out."""
        return [
            f"{visit.method} {visit.path}" for visit in self.sandbox.journal if "/connect" not in visit.path
        ]


def at_a_desk(
    server: SandboxServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Desk:
    """A desk whose environment leads to the server alone."""
    monkeypatch.chdir(folder)
    for name in set(os.environ) - set(clean_environ()):
        monkeypatch.delenv(name)
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return Desk(server, capsys, monkeypatch, folder)
