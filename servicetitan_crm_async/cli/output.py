"""Where commands write: JSON lines to stdout for programs, advice to stderr for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import msgspec

NAME = "servicetitan-crm"


def for_programs(asked: bool) -> bool:
    """Whether stdout gets JSON: asked for, or because nobody watches."""
    return asked or not sys.stdout.isatty()


def write_line(event: object) -> None:
    """Write one JSON object as a line of its own."""
    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()  # whoever reads wants to know now


def complain(lines: Iterable[str]) -> None:
    """Say what went wrong: the first line by name, the rest below it."""
    first, *rest = [line for text in lines for line in text.splitlines()]
    print(f"{NAME}: {first}", *(f"  {line}" for line in rest), sep="\n", file=sys.stderr)
