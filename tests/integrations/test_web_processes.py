"""The example applications as processes: ended by a signal, reloaded, started with settings missing.

Warnings are errors there too, and whatever is left open says so when the interpreter ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from web_kit import SECRET, STACKS, Stack, a_few, answered, until, visits

from servicetitan_crm_async.sandbox import Fault, SandboxServer

ROOT = Path(__file__).parents[2]
TROUBLE = ("Traceback", "Warning", "Exception ignored", "never awaited", "Unclosed", "ERROR")


class Process:
    """A process that serves, and all that it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def read(self) -> None:
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(4096):
            self.said += chunk.decode()

    @property
    def url(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.said)
        return found[0] if found else ""


@asynccontextmanager
async def started(*command: str, environ: Mapping[str, str]) -> AsyncIterator[Process]:
    """The process, killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-m", *command),
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("SERVICETITAN_")},
            "PYTHONUNBUFFERED": "1",
            "WEBHOOK_SECRET": SECRET,
            **environ,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    serving = Process(process)
    reading = asyncio.create_task(serving.read())
    try:
        yield serving
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await reading


@pytest.fixture(params=STACKS, ids=lambda stack: stack.name)
def stack(request: pytest.FixtureRequest) -> Stack:
    found: Stack = request.param
    return found


async def test_a_signal_ends_it_after_the_call_in_flight_and_leaves_nothing_open(
    stack: Stack, server: SandboxServer
) -> None:
    slow, quick, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(Fault.slow(0.5, path=f"/customers/{slow}"))
    async with started(*stack.command, environ=server.environ) as serving:
        await until(lambda: serving.url != "")
        async with aiohttp.ClientSession(serving.url) as caller:
            assert (await answered(caller.get(f"/customers/{quick}")))[0] == 200
            request = asyncio.create_task(answered(caller.get(f"/customers/{slow}")))
            await until(lambda: visits(server.sandbox, "GET", f"/customers/{slow}") == 1)
            serving.process.send_signal(signal.SIGTERM)
            status, body = await request
        assert (status, json.loads(body)["id"]) == (200, slow)
        # uvicorn raises the signal again when all is done.
        assert await serving.process.wait() in (0, -signal.SIGTERM)
    assert [word for word in TROUBLE if word in serving.said] == [], serving.said


async def test_it_does_not_start_with_settings_that_are_missing(stack: Stack) -> None:
    secret = "cs1.not-to-be-shown"
    async with started(*stack.command, environ={"SERVICETITAN_CLIENT_SECRET": secret}) as serving:
        assert await serving.process.wait() not in (0, None)
    assert "SERVICETITAN_TENANT_ID: is missing" in serving.said
    assert secret not in serving.said


async def test_a_reload_ends_what_is_under_way_and_starts_anew(server: SandboxServer, tmp_path: Path) -> None:
    slow, quick, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(Fault.slow(0.5, path=f"/customers/{slow}"))
    source = tmp_path / "reloaded_app.py"
    shutil.copy(ROOT / "examples" / "fastapi_app.py", source)
    command = ("uvicorn", "--factory", "reloaded_app:create_app", "--port", "0", "--reload")
    folders = ("--app-dir", str(tmp_path), "--reload-dir", str(tmp_path), "--reload-delay", "0.05")

    async with started(*command, *folders, environ=server.environ) as serving:
        await until(lambda: "Application startup complete" in serving.said)
        async with aiohttp.ClientSession(serving.url) as caller:
            request = asyncio.create_task(answered(caller.get(f"/customers/{slow}")))
            await until(lambda: visits(server.sandbox, "GET", f"/customers/{slow}") == 1)
            source.write_text(source.read_text().replace('"/customers/{id}"', '"/clients/{id}"'))
            assert (await request)[0] == 200
            await until(lambda: serving.said.count("Application startup complete") == 2)
        async with aiohttp.ClientSession(serving.url) as caller:
            assert (await answered(caller.get(f"/clients/{quick}")))[0] == 200
            assert (await answered(caller.get(f"/customers/{quick}")))[0] == 404
        serving.process.send_signal(signal.SIGTERM)
        await serving.process.wait()
    assert serving.said.count("Application shutdown complete") == 2
    assert [word for word in TROUBLE if word in serving.said] == [], serving.said
