"""`servicetitan-crm login` and `logout`: secrets are kept where the machine keeps them, and shown nowhere."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from command_kit import COMMAND, clean_environ
from keyring_kit import ForgetfulKeyring, LockedKeyring, MemoryKeyring, in_use, keyring_environ
from serving_kit import served_beside

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.cli.credentials.finding import find_credentials
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, Tenant

SECRETS = "cs.hush\nak.hush\n"
NO_CHECK = ("login", "--client-id", "cid.1", "--secret-stdin", "--no-check", "--tenant")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - set(clean_environ()):
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def ring() -> Iterator[MemoryKeyring]:
    """A keyring for this test alone."""
    with in_use(made := MemoryKeyring()):
        yield made


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with something on its stdin; answers its exit code, and what it said to both."""

    def run(*arguments: str, text: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", StringIO(text))
        code = main([*arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def options(server: SandboxServer, tenant: Tenant) -> tuple[str, ...]:
    """All of a login but its secrets."""
    return (
        "--tenant", str(tenant.tenant_id), "--client-id", tenant.client_id,
        "--api-url", server.url, "--auth-url", server.token_url,
    )  # fmt: skip


def test_logged_in_once_every_command_works_until_logout(ring: MemoryKeyring, run: Run) -> None:
    """Two tenants, each with a login of its own; what is stored is checked before, and shown nowhere."""
    sandbox = Sandbox(customers=5)
    first, second = sandbox.tenant, sandbox.add_tenant(1002)
    with served_beside(sandbox) as server:
        for tenant in (first, second):
            code, said = run(
                "login", *options(server, tenant), "--secret-stdin",
                text=f"{tenant.client_secret}\n{tenant.app_key}\n",
            )  # fmt: skip
            assert (code, json.loads(said)) == (
                0, {"event": "login", "tenant": tenant.tenant_id, "keyring": "memory", "checked": True},
            )  # fmt: skip
        assert sandbox.statistics().token_requests == 2

        code, said = run("doctor")
        assert code == Exit.USAGE
        assert "tenants 1001, 1002 have logins" in said
        code, said = run("doctor", "--tenant", "1002")
        assert code == Exit.DONE
        assert '"1002, from --tenant"' in said
        assert said.count('"from the keyring"') == 2
        assert second.client_secret not in said
        assert run("sync", "--tenant", "1002", "--entities", "tag_types", "--to", "sqlite:crm.db")[0] == 0
        code, said = run("audit", "--tenant", "1002", "--entities", "tag_types", "--to", "sqlite:crm.db")
        assert (code, json.loads(said.splitlines()[-1])["tenant"]) == (0, 1002)
        assert run("customers", "list", "--limit", "1", "--tenant", "1001")[0] == 0

        assert run("logout", "--tenant", "1001") == (0, '{"event":"logout","tenant":1001}\n')
        assert run("doctor")[0] == Exit.DONE
    assert run("logout") == (0, '{"event":"logout","tenant":1002}\n')
    assert ring.entries == {"servicetitan-crm/tenants": "[]"}


def test_refused_credentials_are_not_stored(ring: MemoryKeyring, run: Run) -> None:
    """Code 3; nor are those that nobody could check, unless that was asked for."""
    sandbox = Sandbox(customers=5)
    with served_beside(sandbox) as server:
        arguments = ("login", *options(server, sandbox.tenant), "--secret-stdin")
        code, said = run(*arguments, text=SECRETS)
        assert code == Exit.REFUSED
        assert "the token service refused the credentials: invalid_client" in said
        assert not ring.entries
    code, unreached = run(*arguments, text=SECRETS)
    assert code == Exit.FAILED
    assert not ring.entries
    code, unchecked = run(*arguments, "--no-check", text=SECRETS)
    assert (code, json.loads(unchecked)["checked"]) == (0, False)
    assert ring.entries
    assert "hush" not in said + unreached + unchecked


async def test_a_person_is_asked_and_secrets_are_not_echoed(tmp_path: Path, server: SandboxServer) -> None:
    """On a terminal; an empty answer to the last question is production."""
    tenant = server.sandbox.tenant
    environ = clean_environ({**keyring_environ(tmp_path / "keyring.json"), "TERM": "dumb"})
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "login", "--api-url", server.url, "--auth-url", server.token_url,
        cwd=tmp_path, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    answers = iter(
        (
            ("Tenant id: ", str(tenant.tenant_id)),
            ("Client id: ", tenant.client_id),
            ("Client secret (not shown): ", tenant.client_secret),
            ("App key (not shown): ", tenant.app_key),
            ("Environment [production]: ", ""),
            ("doctor --tenant", None),
        )
    )
    drawn = await asyncio.to_thread(_converse, ours, answers)
    assert await process.wait() == 0
    assert "is accepted by the token service, and stored in the keyring (test file)." in drawn
    assert tenant.client_secret not in drawn
    assert tenant.app_key not in drawn
    kept = json.loads(json.loads((tmp_path / "keyring.json").read_text())["servicetitan-crm/1001"])
    assert kept == {**server.environ, "SERVICETITAN_ENVIRONMENT": "production"}


def _converse(terminal: int, answers: Iterator[tuple[str, str | None]]) -> str:
    """Wait for each question and answer it, to the end; answers all that was drawn."""
    drawn, seen = "", 0
    question, answer = next(answers)
    while True:
        try:
            drawn += os.read(terminal, 65536).decode().replace("\r", "")
        except OSError:  # Linux says so when the other side is closed
            os.close(terminal)
            return drawn
        if (at := drawn.find(question, seen)) >= 0 and answer is not None:
            seen = at + len(question)
            os.write(terminal, f"{answer}\n".encode())
            question, answer = next(answers)


def test_a_later_login_replaces_the_one_before(ring: MemoryKeyring, run: Run) -> None:
    """And the list of tenants has it once."""
    for secret in ("cs.old", "cs.new"):
        code, said = run(*NO_CHECK, "7", text=f"{secret}\nak.1\n")
        assert code == 0
        assert secret not in said
    assert find_credentials().environ["SERVICETITAN_CLIENT_SECRET"] == "cs.new"
    assert ring.entries["servicetitan-crm/tenants"] == "[7]"


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        ("--tenant 1 --client-id c", SECRETS, "--secret-stdin is needed where stdin is no terminal"),
        ("--tenant 1 --client-id c --secret-stdin", "cs.hush\n", "--secret-stdin wants two lines"),
        ("--tenant 1 --client-id c --secret-stdin", "hush\nhush\nhush", "--secret-stdin wants two lines"),
        ("--client-id c --secret-stdin", SECRETS, "--tenant is missing"),
        ("--tenant 1 --secret-stdin", SECRETS, "--client-id is missing"),
        ("--tenant 0 --client-id c --secret-stdin", SECRETS, "--tenant must be a positive whole number"),
        ("--tenant 1 --client-id c --secret-stdin", "hüsh\nhush\n", "the client secret must be printable"),
        ("--tenant 1 --client-id c --secret-stdin", "hush\nhüsh\n", "the app key must be printable"),
        ("--tenant 1 --client-id c --secret-stdin --api-url http://a.b", SECRETS, "--api-url must be https"),
        ("--tenant 1 --environment staging", SECRETS, "--environment"),
    ],
)
def test_what_is_given_wrong_is_named_as_it_was_given(
    arguments: str, text: str, said: str, ring: MemoryKeyring, run: Run
) -> None:
    """By its option, code 2; nothing is sent or stored, and no secret shown."""
    code, told = run("login", *arguments.split(), text=text)
    assert code == Exit.USAGE
    assert said in told
    assert "hush" not in told
    assert not ring.entries


def test_a_machine_without_a_keyring_gets_advice(run: Run) -> None:
    """As most servers; what else to do is said. Other commands go on as if nothing were stored."""
    with in_use(keyring.backends.fail.Keyring()):  # type: ignore[no-untyped-call]
        code, said = run(*NO_CHECK, "7", text=SECRETS)
        assert code == Exit.USAGE
        assert "there is no keyring on this machine" in said
        assert ".env" in said
        assert find_credentials().environ == {}
        code, said = run("logout")
        assert code == Exit.USAGE
        assert "there is no login to remove" in said


@pytest.mark.parametrize(
    ("backend", "said"),
    [(ForgetfulKeyring, "the keyring forgetful keeps nothing"), (LockedKeyring, "the keyring refused")],
)
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_keyring_that_does_not_work_is_told(
    backend: type[MemoryKeyring], said: str, debug: list[str], run: Run
) -> None:
    """Without its own words, in which the secret may be; not even `--debug` shows them."""
    with in_use(backend()):
        code, told = run(*NO_CHECK, "7", *debug, text=SECRETS)
    assert code == Exit.USAGE
    assert said in told
    assert "hush" not in told


def test_a_login_that_is_not_there_cannot_be_removed(run: Run) -> None:
    """A typing error would leave the one that was meant; so it is told, with those that are there."""
    for tenant in ("7", "8"):
        assert run(*NO_CHECK, tenant, text=SECRETS)[0] == 0
    for arguments, said in (
        (("--tenant", "9"), "--tenant 9 has no login; tenants 7, 8 have"),
        ((), "--tenant is missing: tenants 7, 8 have logins"),
    ):
        code, told = run("logout", *arguments)
        assert code == Exit.USAGE
        assert said in told
    assert [run("logout", "--tenant", "8")[0] for _ in range(2)] == [Exit.DONE, Exit.USAGE]


def test_without_the_extra_one_line_names_it() -> None:
    """As with every extra."""
    code = (
        "import sys; sys.modules['keyring'] = None\n"
        "from servicetitan_crm_async.cli import main; raise SystemExit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        (sys.executable, "-c", code, *NO_CHECK, "7"),
        input=SECRETS, capture_output=True, text=True, check=False, env=clean_environ(),
    )  # fmt: skip
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith(
        "servicetitan-crm: the keyring needs an extra: pip install 'servicetitan-crm-async[keyring]'\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", code, "doctor"),
        capture_output=True,
        text=True,
        check=False,
        env=clean_environ(),
    )
    assert done.returncode == Exit.USAGE
    assert "SERVICETITAN_APP_KEY" in done.stdout
    assert "extra" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["login", "logout"])
def test_the_help_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole command, to be copied."""
    assert main([name, "--help"]) == 0
    assert f"servicetitan-crm {name} --tenant 123456789" in capsys.readouterr().out
