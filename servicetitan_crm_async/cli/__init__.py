"""The command `servicetitan-crm`, behind the extra `[cli]`; importing this imports none of it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

_NEEDED = ("cyclopts", "dotenv", "rich")
_USAGE, _INTERRUPTED, _READER_GONE = 2, 130, 141
"""As in `cli.exits`, which would cost an import that Ctrl-C may cut short."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; `arguments` are those of the process by default."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        print(
            "servicetitan-crm needs an extra: pip install 'servicetitan-crm-async[cli]'",
            file=sys.stderr,
        )
        return _USAGE
    try:
        from servicetitan_crm_async.cli.app import run

        return run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # `… | head` has read enough
        return _READER_GONE
    finally:
        _let_go_of_stdout()


def _let_go_of_stdout() -> None:
    """Drop what nobody takes any more: Python writes it once more at exit, and would complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
