"""What a person sees: run under a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from command_kit import COMMAND, clean_environ

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(*arguments: str, columns: int, cwd: Path) -> tuple[int, list[str]]:
    """The exit code, and every line the command drew, without colours and cursor movements."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {k: v for k, v in clean_environ({"TERM": "xterm"}).items() if k not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        (*COMMAND, *arguments), cwd=cwd, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            drawn += os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
    os.close(ours)
    return process.wait(), _ESCAPES.sub("", drawn.decode()).replace("\r", "").split("\n")


@pytest.mark.parametrize("columns", [80, 120])
def test_a_sync_ends_with_a_table_that_fits(columns: int, tmp_path: Path) -> None:
    """Twice, for the second has instants in it: nothing is cut or wrapped but the command to copy."""
    arguments = ("sync", "--sandbox", "--sandbox-customers", "200", "--to", "sqlite:crm.db")
    for since in ("the beginning", "20"):
        code, lines = on_a_terminal(*arguments, columns=columns, cwd=tmp_path)
        assert code == 0
        assert not [line for line in lines if "…" in line]
        last = max(n for n, line in enumerate(lines) if "Guarantee" in line)
        summary = lines[last : last + 12]
        assert all(len(line) <= columns for line in summary)
        customers = next(line for line in summary if "customers " in line)
        assert "exact" in customers
        assert since in customers
        assert any(line.startswith("Done in") and "crm.db" in line for line in lines)
        look = next(line for line in lines if "sync_ledger" in line).strip()
        found = subprocess.run(look, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "location_contacts" in found.stdout


@pytest.mark.parametrize("columns", [80, 140])
def test_the_operations_are_a_table_that_fits(columns: int, tmp_path: Path) -> None:
    """The paths are folded, never cut; with room there are the filters too."""
    code, lines = on_a_terminal("operations", columns=columns, cwd=tmp_path)
    assert code == 0
    assert all(len(line) <= columns for line in lines)
    assert any("●" in line and "customers.contacts.create" in line for line in lines)
    assert any("modifiedOnOrAfter" in line for line in lines) == (columns == 140)
