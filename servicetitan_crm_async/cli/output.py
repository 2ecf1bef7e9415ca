"""Where commands write: JSON lines to stdout for programs, advice to stderr for people."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable

import msgspec

NAME = "servicetitan-crm"


def prepare_stdout() -> None:
    """Let programs get UTF-8 whatever the locale, as JSON is, and people a `?` for what a terminal lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


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


def one_line(json: bytes) -> bytes:
    """JSON without line breaks, every value of it as it was written."""
    return msgspec.json.format(json, indent=-1) if b"\n" in json else json


def print_json(json: bytes) -> None:
    """Print what a call answered: laid out for people on a terminal, a line of its own for programs."""
    laid_out = msgspec.json.format(json, indent=2 if sys.stdout.isatty() else -1)
    print(laid_out.decode(), flush=True)
