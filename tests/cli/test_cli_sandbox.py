"""`servicetitan-crm sandbox`: a ServiceTitan to paste into another terminal."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from command_kit import command, finish, start

from servicetitan_crm_async import ServiceTitanCRM


async def _pasted(process: asyncio.subprocess.Process) -> dict[str, str]:
    """What a shell has in its environment after its lines were pasted."""
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode() for _ in range(6)]
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", "".join(lines) + "env", stdout=asyncio.subprocess.PIPE, env={}
    )
    out, _ = await shell.communicate()
    return dict(line.split("=", 1) for line in out.decode().splitlines())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_its_lines_lead_a_client_to_it_until_it_is_stopped(
    number: signal.Signals, tmp_path: Path
) -> None:
    """Stdout is the variables and nothing else, stderr says the seed; being stopped is its proper end."""
    process = await start(
        "sandbox", "--customers", "30", "--seed", "9", "--life", "0", "--rate-limit", "0", "--tenant", "77",
        cwd=tmp_path,
    )  # fmt: skip
    async with ServiceTitanCRM.from_env(await _pasted(process)) as crm:
        assert crm.tenant_id == 77
        assert len(await crm.customers.list(active="Any").collect()) == 30
    process.send_signal(number)
    done = await finish(process)
    assert (done.code, done.out) == (0, "")
    assert "seed 9" in done.err
    assert "Traceback" not in done.err


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """Code 2, as for any option that cannot be."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = await command("sandbox", "--port", port, "--customers", "1", cwd=tmp_path)
    assert done.code == 2
    assert f"--port {port} cannot be had" in done.err
