"""Runs the command as a person does: under a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

from command_kit import COMMAND, clean_environ

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(
    *arguments: str,
    columns: int,
    cwd: Path,
    interrupt_after: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> tuple[int, list[str]]:
    """The exit code, and every line the command drew, without colours and cursor movements."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {
        k: v
        for k, v in clean_environ({"TERM": "xterm", **(settings or {})}).items()
        if k not in ("COLUMNS", "NO_COLOR")
    }
    process = subprocess.Popen(
        (*COMMAND, *arguments), cwd=cwd, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            drawn += os.read(ours, 65536)
            if interrupt_after and interrupt_after in _plain(drawn):
                interrupt_after = None
                process.send_signal(signal.SIGINT)
        except OSError:  # Linux says so when the other side is closed
            break
    os.close(ours)
    return process.wait(), _plain(drawn).split("\n")


def _plain(drawn: bytes) -> str:
    return _ESCAPES.sub("", drawn.decode(errors="ignore")).replace("\r", "")
