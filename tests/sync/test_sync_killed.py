"""The command killed again and again while its tenant goes on living: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from random import Random

import duckdb
from churn_kit import unlike_before
from destination_kit import ON_DISK, held, make

from servicetitan_crm_async.sandbox import Kind, Sandbox, SandboxServer, serve

KILLS = 20
SEED = 2026
CUSTOMERS, PAGE = 3000, 100
ENTITIES: tuple[Kind, ...] = ("customers", "customer_contacts", "leads")
"""One that seeks, one in slices, and a small one."""


class Victim:
    """The command `sync` into one destination, against a tenant of its own."""

    def __init__(self, kind: str, folder: Path, server: SandboxServer) -> None:
        self.kind, self.mirror, self.server = kind, make(kind, folder), server
        self.chance = Random(f"{SEED}/{kind}")
        self.moments: list[float] = []
        """Seconds from the first request to the kill."""
        self.ended = 0
        """Runs that came to their end before the moment had come."""
        self.cut_short = 0
        """Kills after which the ledger of some entity spoke of a run under way."""

    def __str__(self) -> str:
        moments = " ".join(f"{moment:.3f}" for moment in self.moments)
        return (
            f"{self.kind}: seed {SEED}, {len(self.moments)} kills, {self.cut_short} with a run under way, "
            f"{self.ended} runs ended before; killed after {moments} s"
        )

    async def killed_many_times(self) -> None:
        while len(self.moments) < KILLS:
            before = self.server.sandbox.statistics().requests
            async with self._command() as command:
                while self.server.sandbox.statistics().requests == before and command.returncode is None:
                    await asyncio.sleep(0.005)
                moment = self.chance.uniform(0, 0.5)
                with suppress(TimeoutError):
                    await asyncio.wait_for(command.wait(), moment)
                _kill(command)
                if await command.wait() == -signal.SIGKILL:
                    self.moments.append(moment)
                    self.cut_short += await self._is_cut_short()
                else:
                    assert command.returncode == 0, await _said(command)
                    self.ended += 1

    async def left_alone(self) -> None:
        async with self._command() as command:
            said = await _said(command)
            assert await command.wait() == 0, said

    def doubled(self) -> list[str]:
        """The entities that hold something twice: the same line, or the same key."""
        return [entity for entity in ENTITIES if self._doubled(entity)]

    async def watermark(self, entity: str) -> str:
        async with self.mirror as mirror:
            ledger = await mirror.load(self.tenant, entity)
        assert ledger is not None
        assert ledger.watermark is not None
        assert ledger.until is None
        return ledger.watermark

    @property
    def tenant(self) -> int:
        return self.server.sandbox.tenant.tenant_id

    def _doubled(self, entity: str) -> int:
        path = Path(self.mirror.location)
        if self.kind == "ndjson":
            files = (path / str(self.tenant) / entity).glob("*.ndjson")
            lines = [line for file in files for line in file.read_bytes().splitlines()]
            return len(lines) - len(set(lines))
        query = f"select count(*) - count(distinct id) from {entity} where tenant_id = {self.tenant}"
        if self.kind == "sqlite":
            with closing(sqlite3.connect(path)) as file:
                return int(file.execute(query).fetchone()[0])
        with duckdb.connect(str(path)) as data:
            return int(data.execute(query).fetchall()[0][0])

    async def _is_cut_short(self) -> bool:
        async with self.mirror as mirror:
            ledgers = [await mirror.load(self.tenant, entity) for entity in ENTITIES]
        return any(ledger is not None and ledger.until is not None for ledger in ledgers)

    @asynccontextmanager
    async def _command(self) -> AsyncIterator[asyncio.subprocess.Process]:
        words = ["sync", "--to", f"{self.kind}:{self.mirror.location}", "--entities", ",".join(ENTITIES)]
        words += ["--page-size", str(PAGE), "--settle", "0", "--json"]
        command = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "servicetitan_crm_async", *words),
            env={**os.environ, **self.server.environ},
            stdout=DEVNULL,
            stderr=PIPE,
        )
        try:
            yield command
        finally:
            _kill(command)
            await command.communicate()


def _kill(command: asyncio.subprocess.Process) -> None:
    """Not `command.kill()`: that asks first whether the process has ended, and by asking takes its exit
    code away from asyncio, which then says 255 of a command that has just ended well."""
    if command.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(command.pid, signal.SIGKILL)


async def _said(command: asyncio.subprocess.Process) -> str:
    assert command.stderr is not None
    return (await command.stderr.read()).decode()


async def test_killed_twenty_times_the_mirror_equals_the_source_and_nothing_is_doubled(
    tmp_path: Path,
) -> None:
    """Side by side, each destination with its own tenant: 3,000 customers, 30 changes a second."""
    async with AsyncExitStack() as stack:
        victims = []
        for kind in ON_DISK:
            sandbox = Sandbox(
                seed=SEED, customers=CUSTOMERS, contacts=(1, 1), life=30, rate_limit=None, latency=0.03
            )
            victims.append(Victim(kind, tmp_path, await stack.enter_async_context(serve(sandbox))))
        async with asyncio.TaskGroup() as tasks:
            for victim in victims:
                tasks.create_task(victim.killed_many_times())
        for victim in victims:
            print(victim)  # noqa: T201  # which moments they were; pytest shows it when this fails
            assert victim.cut_short >= KILLS // 4, "the kills came at moments that interrupt nothing"
            await victim.left_alone()
    for victim in victims:
        for entity in ENTITIES:
            until = await victim.watermark(entity)
            rows = held(victim.mirror, victim.tenant, entity)
            assert len(rows) > CUSTOMERS // 10
            wrong = unlike_before(victim.server.sandbox, rows, until, entity)
            assert not wrong, (victim.kind, entity, wrong)
        assert victim.doubled() == []
