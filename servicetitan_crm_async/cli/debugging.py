"""`--debug`: log lines while a command runs, and the traceback of the error that ends it, on stderr.

Neither holds a secret: the client keeps them out of its log lines and its errors, and a traceback is printed
without the values of variables.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

OPTION = "--debug"
_LOGGERS = ("servicetitan_crm_async", "stamina")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def without_option(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The arguments without `--debug`, which may stand anywhere before a `--`, and whether it was there."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != OPTION]
    return [*kept, *words[end:]], len(kept) < end


@contextmanager
def log_lines(wanted: bool) -> Iterator[None]:
    """Write what the client logs to stderr while the block lasts."""
    if not wanted:
        # stamina warns of every retry, which is news for a log; here retries are counted and shown.
        logging.getLogger("stamina").setLevel(logging.ERROR)
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)


def print_traceback(error: BaseException) -> None:
    """Print where an error came from."""
    traceback.print_exception(error, file=sys.stderr)


def place_of(error: BaseException) -> str:
    """What an unexpected error is and where it came from, without its text, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "servicetitan_crm_async" in frame.filename] or frames[-1:]
    where = f" in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}"
