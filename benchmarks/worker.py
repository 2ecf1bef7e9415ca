"""One contender's turn, in a process and on a core of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from importlib import import_module
from inspect import iscoroutinefunction
from typing import TypeAlias, cast

import msgspec

from benchmarks.job import Job, Measured, Watch
from benchmarks.machine import cores, pin

_Async: TypeAlias = Callable[[Job, Watch], Coroutine[None, None, int]]
_Plain: TypeAlias = Callable[[Job, Watch], int]


class Turn(msgspec.Struct, frozen=True):
    """Who does what."""

    entry: str
    """`module:function` below `benchmarks.contenders`."""
    job: Job


def take(turn: Turn) -> Measured:
    """Do it in this process; what has to be imported for it is not measured."""
    module, _, name = turn.entry.partition(":")
    work = getattr(import_module(f"benchmarks.contenders.{module}"), name)
    watch = Watch()
    if iscoroutinefunction(work):
        return watch.stop(asyncio.run(cast("_Async", work)(turn.job, watch)))
    return watch.stop(cast("_Plain", work)(turn.job, watch))


def take_apart(turn: Turn) -> Measured:
    """Do it in a fresh process, which has a memory of its own and nothing warm.

    The figure `process` is the seconds from its start to its end.
    """
    began_at = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.worker"],
        input=msgspec.json.encode(turn),
        check=True,
        stdout=subprocess.PIPE,
    )
    process = time.perf_counter() - began_at
    # Some libraries print; the last line is ours.
    measured = msgspec.json.decode(told.stdout.splitlines()[-1], type=Measured)
    return msgspec.structs.replace(measured, figures={**measured.figures, "process": process})


if __name__ == "__main__":
    pin(cores().client)
    print()
    print(msgspec.json.encode(take(msgspec.json.decode(sys.stdin.buffer.read(), type=Turn))).decode())
