"""How the command ends: every exit code, and never a traceback for what is to be expected."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_kit import COMMAND, clean_environ, command

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.cli.exits import EXIT_CODES, Exit
from servicetitan_crm_async.sandbox import Fault, SandboxServer

VARIABLES = ("CLIENT_ID", "CLIENT_SECRET", "APP_KEY", "TENANT_ID")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - set(clean_environ()):
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("fetch", "fetch"),
        ("sync --bogus", "--bogus"),
        ("sync extra", "extra"),
        ("sync --concurrency many", "--concurrency"),
        ("sync --contract 3.0", "--contract"),
        ("sync --sandbox --settle soon", "--settle"),
        ("sync --sandbox --since yesterday", "--since"),
        ("sync --sandbox --to crm.duckdb", "--to"),
        ("sync --sandbox --to memory:", "--to"),
        ("sync --sandbox --entities ,", "--entities"),
        ("sync --sandbox --sandbox-customers 5 --to sqlite:a --entities jobs", "--entities unknown: jobs"),
        ("sync --sandbox --sandbox-customers 5 --to sqlite:a --page-size 0", "--page-size"),
        ("sync --sandbox --sandbox-customers -5 --to sqlite:a", "--sandbox-customers"),
        ("sync --seed 3 --sandbox-customers 5", "--sandbox-customers goes with --sandbox"),
        ("sync --sandbox --strategy fast", "--strategy knows auto, windows"),
        ("sync --sandbox --strategy jobs=feed --sandbox-customers 5 --to sqlite:a", "--strategy unknown"),
        ("sync --sandbox --ids one", "--ids"),
        ("sync --sandbox --ids 1 --sandbox-customers 5 --to sqlite:a", "--ids go with"),
        ("sync --sandbox --until soon", "--until"),
        ("sync --sandbox --overlap -1s", "--overlap"),
        ("sync --sandbox --every often", "--every"),
        ("sync --sandbox --every 0 --sandbox-customers 5 --to sqlite:a", "--every must be more than 0"),
        ("sync --sandbox --every 5m --until 2026-01-01", "--until has no meaning with --every"),
        ("status", "--to"),
        ("status --to crm.db", "--to"),
        ("status --to sqlite:crm.db --bogus", "--bogus"),
        ("sandbox --customers -1", "--customers"),
        ("sandbox --port 99999", "--port"),
        ("operations --contract nothing", "--contract"),
    ],
)
def test_what_is_written_wrong_is_code_2_and_says_where(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the option, one says where to look; stdout stays empty but for the sandbox's line."""
    assert main(arguments.split()) == Exit.USAGE
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.startswith("servicetitan-crm: ")
    assert "Traceback" not in captured.err
    assert all('"event":"sandbox"' in line for line in captured.out.splitlines())


def test_missing_settings_are_all_named_and_no_secret_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2; the advice has an example to copy and the way to try it without an account."""
    assert main(["sync"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert all(f"SERVICETITAN_{name} is missing" in err for name in VARIABLES)
    assert "servicetitan-crm sync --sandbox" in err

    monkeypatch.setenv("SERVICETITAN_CLIENT_SECRET", "cs.hush\nhush")
    monkeypatch.setenv("SERVICETITAN_TENANT_ID", "tenant-hush")
    assert main(["sync"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert all(f"SERVICETITAN_{name} " in err for name in VARIABLES)
    assert "hush" not in err


async def test_refused_credentials_are_code_3(tmp_path: Path, server: SandboxServer) -> None:
    """A wrong secret is refused by the token service, a wrong app key by the API; neither shows."""
    for name in ("CLIENT_SECRET", "APP_KEY"):
        settings = {**server.environ, f"SERVICETITAN_{name}": "hush"}
        done = await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=settings)
        assert done.code == Exit.REFUSED
        assert "API Application Access" in done.err
        assert "hush" not in done.out + done.err


async def test_everything_forbidden_is_code_3_too(tmp_path: Path, server: SandboxServer) -> None:
    """An app without any scope has its credentials refused for all that was asked."""
    server.sandbox.faults.add(Fault.status(403, times=None))
    done = await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=server.environ)
    assert done.code == Exit.REFUSED
    assert "My Apps" in done.err


async def test_a_destination_that_fails_is_code_4(tmp_path: Path, server: SandboxServer) -> None:
    """Nobody can put a database where a folder is."""
    (tmp_path / "crm.db").mkdir()
    done = await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=server.environ)
    assert done.code == Exit.FAILED
    assert done.err.startswith("servicetitan-crm: crm.db: ")
    assert "Traceback" not in done.err


def test_a_reader_that_goes_away_is_no_error_to_read_about() -> None:
    """`servicetitan-crm operations | head -1` says nothing of broken pipes."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run((*COMMAND, "operations"), stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (Exit.READER_GONE, b"")


def test_the_exit_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` lists each code a user can get."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "Exit codes" in out
    for code in Exit:
        assert f"{code.value}:" in out or code == Exit.READER_GONE
    assert "130" in EXIT_CODES


@pytest.mark.parametrize("name", ["sync", "status", "audit", "sandbox", "operations"])
def test_the_help_of_each_command_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An example is a whole command, to be copied."""
    assert main([name, "--help"]) == 0
    assert f"servicetitan-crm {name} --" in capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints it and nothing else."""
    import servicetitan_crm_async

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == servicetitan_crm_async.__version__


async def _python(code: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    _, err = await process.communicate()
    return process.returncode, err.decode()


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
async def test_without_the_extra_one_line_names_it(missing: str) -> None:
    """Code 2, and how to install what is missing."""
    code, err = await _python(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from servicetitan_crm_async.cli import main; raise SystemExit(main(['--version']))"
    )
    assert (code, err) == (2, "servicetitan-crm needs an extra: pip install 'servicetitan-crm-async[cli]'\n")


async def test_importing_the_command_imports_neither_cyclopts_nor_rich() -> None:
    """Nor the sandbox, nor a destination: who only starts up pays for nothing."""
    code, err = await _python(
        "import sys, servicetitan_crm_async.cli\n"
        "raise SystemExit(', '.join({'cyclopts', 'rich', 'duckdb', 'servicetitan_crm_async.sandbox'}"
        " & set(sys.modules)) or 0)"
    )
    assert (code, err) == (0, "")
