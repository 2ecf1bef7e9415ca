"""Runs the command as its users do: in a process of its own, with nothing of this one's environment."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from servicetitan_crm_async.sandbox import KINDS, Kind, Sandbox
from servicetitan_crm_async.sync.destinations import read_ndjson

COMMAND = (sys.executable, "-m", "servicetitan_crm_async")
TENANT = 1001


class Outcome(NamedTuple):
    """How a command ended and what it said."""

    code: int | None
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def report(self) -> dict[str, Any]:
        """Its last line."""
        return self.events[-1]


def clean_environ(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anything of ServiceTitan's, and with the settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERVICETITAN_")}
    return {**kept, **(settings or {})}


async def start(
    *arguments: str, cwd: Path, settings: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start the command."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, cwd=cwd, env=clean_environ(settings), stdout=pipe, stderr=pipe
    )


@asynccontextmanager
async def running(
    *arguments: str, cwd: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command while the block lasts; killed, should it not have ended by then."""
    process = await start(*arguments, cwd=cwd, settings=settings)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def finish(process: asyncio.subprocess.Process) -> Outcome:
    """Wait for its end; what was read from it before is not in the outcome."""
    out, err = await process.communicate()
    return Outcome(process.returncode, out.decode(), err.decode())


async def command(*arguments: str, cwd: Path, settings: Mapping[str, str] | None = None) -> Outcome:
    """Run the command to its end."""
    return await finish(await start(*arguments, cwd=cwd, settings=settings))


def mirrored(place: str, entity: str) -> dict[int, tuple[str | None, str]]:
    """What a mirror holds of an entity: id to (modified_on, the record's JSON)."""
    kind, _, path = place.partition(":")
    query = f"select id, modified_on, raw from {entity} where tenant_id = {TENANT}"
    if kind == "ndjson":
        lines = map(bytes.decode, read_ndjson(path, TENANT, entity))
        records = [(json.loads(line), line) for line in lines]
        return {record["id"]: (record["modifiedOn"], line) for record, line in records}
    if kind == "duckdb":
        with closing(duckdb.connect(path, read_only=True)) as data:
            rows = data.execute(query).fetchall()
    else:
        with closing(sqlite3.connect(path)) as data:
            rows = data.execute(query).fetchall()
    return {id_: (modified_on, raw) for id_, modified_on, raw in rows}


def held(sandbox: Sandbox, entity: Kind) -> dict[int, tuple[str, str]]:
    """What a sandbox holds of a kind, in the same form."""
    return {id_: (stamp, raw.decode()) for id_, (stamp, raw) in sandbox.records(entity).items()}


def assert_equal(place: str, sandbox: Sandbox, entities: tuple[Kind, ...] = KINDS) -> None:
    """The mirror equals the sandbox, record for record and byte for byte."""
    for entity in entities:
        assert mirrored(place, entity) == held(sandbox, entity), entity
