"""Where a command finds its tenant: the environment, `.env`, a login; and what is never mixed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from command_kit import clean_environ, command
from keyring_kit import LockedKeyring, MemoryKeyring, in_use

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.cli import main
from servicetitan_crm_async.cli.credentials.finding import find_credentials
from servicetitan_crm_async.cli.credentials.logins import store_login
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sandbox import SandboxServer

KEYS = {
    "SERVICETITAN_CLIENT_ID": "cid.1",
    "SERVICETITAN_CLIENT_SECRET": "cs.hush",
    "SERVICETITAN_APP_KEY": "ak.hush",
}
ONE = {**KEYS, "SERVICETITAN_TENANT_ID": "1"}
TWO = {name: f"{value}2" for name, value in KEYS.items()} | {"SERVICETITAN_TENANT_ID": "2"}


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


def _set(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def _write(variables: Mapping[str, str]) -> None:
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


def test_a_file_fills_what_the_environment_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set stays as it is, an empty one is not set; and it goes to no child."""
    _set(monkeypatch, {"SERVICETITAN_TENANT_ID": "7", "SERVICETITAN_APP_KEY": " "})
    _write({**ONE, "PATH": "/nowhere", "OTHER_TENANT_ID": "9"})
    before = dict(os.environ)
    found = find_credentials()
    assert found.environ == {**ONE, "SERVICETITAN_TENANT_ID": "7"}
    assert found.origins == {**dict.fromkeys(ONE, ".env"), "SERVICETITAN_TENANT_ID": "the environment"}
    assert dict(os.environ) == before
    assert "hush" not in repr(found)


def test_a_file_is_read_as_shells_and_people_write_it() -> None:
    """Quotes, `export`, remarks; a dollar sign in a secret is a dollar sign."""
    Path(".env").write_text(
        "# the tenant\nexport SERVICETITAN_TENANT_ID='7'\n\n"
        'SERVICETITAN_CLIENT_SECRET="cs.${HOME}"\nSERVICETITAN_APP_KEY=ak.1 # of the app\n'
        "SERVICETITAN_CONTRACT\nSERVICETITAN_ENVIRONMENT=\n"
    )
    assert find_credentials().environ == {
        "SERVICETITAN_TENANT_ID": "7",
        "SERVICETITAN_CLIENT_SECRET": "cs.${HOME}",
        "SERVICETITAN_APP_KEY": "ak.1",
    }


def test_a_folder_of_that_name_is_no_file() -> None:
    """Many a virtual environment is called so."""
    Path(".env").mkdir()
    assert find_credentials().environ == {}


def test_a_file_that_is_no_text_is_an_error_of_its_own() -> None:
    """It says so, and nothing of what is in it."""
    Path(".env").write_bytes(b"SERVICETITAN_APP_KEY=hush\xff\n")
    with pytest.raises(ConfigError, match=r"\.env: is not UTF-8 text") as caught:
        find_credentials()
    assert "hush" not in str(caught.value)


def test_the_library_reads_the_environment_alone() -> None:
    """A service that happens to start in such a folder is not led anywhere by it."""
    _write(ONE)
    with pytest.raises(ConfigError, match="SERVICETITAN_CLIENT_ID: is missing"):
        ServiceTitanCRM.from_env()


@pytest.mark.parametrize("name", ["SERVICETITAN_API_URL", "SERVICETITAN_AUTH_URL"])
def test_a_file_sends_no_secrets_of_another_place_elsewhere(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of the environment nor those of a login; it may say where its own go."""
    _write({name: "https://example.com"})
    store_login(1, ONE)
    with pytest.raises(ConfigError, match=f"{name}: in .env would send the secrets of the keyring somewhere"):
        find_credentials()
    monkeypatch.setenv("SERVICETITAN_APP_KEY", "ak.hush")
    with pytest.raises(ConfigError, match=f"{name}: in .env would send the secrets of the environment some"):
        find_credentials()
    monkeypatch.delenv("SERVICETITAN_APP_KEY")
    _write({**ONE, name: "https://example.com"})
    assert find_credentials().environ[name] == "https://example.com"
    monkeypatch.setenv(name, "https://example.org")
    assert find_credentials().environ[name] == "https://example.org"


def test_a_login_is_used_where_no_variable_says_who_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is set goes before it."""
    store_login(1, {**ONE, "SERVICETITAN_ENVIRONMENT": "integration"})
    found = find_credentials()
    assert found.environ == {**ONE, "SERVICETITAN_ENVIRONMENT": "integration"}
    assert set(found.origins.values()) == {"the keyring"}
    _set(monkeypatch, {"SERVICETITAN_ENVIRONMENT": "production", "SERVICETITAN_CONTRACT": "portal"})
    found = find_credentials()
    assert found.environ["SERVICETITAN_ENVIRONMENT"] == "production"
    assert found.origins["SERVICETITAN_CONTRACT"] == "the environment"
    assert found.origins["SERVICETITAN_APP_KEY"] == "the keyring"


@pytest.mark.parametrize("name", KEYS)
def test_a_login_is_taken_whole_or_not_at_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the three that is set elsewhere, and the others are missing rather than of somebody else."""
    store_login(1, ONE)
    _set(monkeypatch, {"SERVICETITAN_TENANT_ID": "1", name: "mine"})
    assert find_credentials().environ == {"SERVICETITAN_TENANT_ID": "1", name: "mine"}


def test_of_several_logins_one_has_to_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable, in the environment or in the file, or by `--tenant`, which goes before both."""
    store_login(2, TWO)
    store_login(1, ONE)
    with pytest.raises(ConfigError, match="--tenant: is missing: tenants 1, 2 have logins"):
        find_credentials()
    _write({"SERVICETITAN_TENANT_ID": "2"})
    assert find_credentials().environ == TWO
    monkeypatch.setenv("SERVICETITAN_TENANT_ID", "1")
    assert find_credentials().environ == ONE
    found = find_credentials(2)
    assert found.environ == TWO
    assert found.origins["SERVICETITAN_TENANT_ID"] == "--tenant"


def test_variables_of_one_tenant_are_not_used_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `--tenant` names another than they do, its login is used, and asked for where there is none."""
    _set(monkeypatch, ONE)
    assert find_credentials(1).environ == ONE
    with pytest.raises(
        ConfigError, match=r"--tenant: 2 has neither a login nor variables; .* login --tenant 2"
    ):
        find_credentials(2)
    store_login(2, TWO)
    assert find_credentials(2).environ == TWO
    monkeypatch.delenv("SERVICETITAN_TENANT_ID")
    assert find_credentials(2).environ == {**KEYS, "SERVICETITAN_TENANT_ID": "2"}


def test_a_keyring_is_not_asked_where_variables_say_who_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be locked; and what it says of that is not passed on."""
    _set(monkeypatch, ONE)
    with in_use(LockedKeyring()):
        assert find_credentials().environ == ONE
        monkeypatch.delenv("SERVICETITAN_CLIENT_ID")
        assert "SERVICETITAN_CLIENT_ID" not in find_credentials().environ
    for name in ONE:
        monkeypatch.delenv(name, raising=False)
    with (
        in_use(LockedKeyring()),
        pytest.raises(ConfigError, match=r"the keyring refused \(RuntimeError\)\. Unlock it") as caught,
    ):
        find_credentials()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("held", ["no json", '{"a":', "[1]", '{"a": 1}'])
def test_a_login_that_is_damaged_is_told_from_none(held: str, ring: MemoryKeyring) -> None:
    """What to do is to store it anew; what it holds is not shown."""
    store_login(1, ONE)
    ring.set_password("servicetitan-crm", "1", held)
    with pytest.raises(ConfigError, match=r"the login of tenant 1 in the keyring is damaged; .* login"):
        find_credentials()


async def test_a_command_works_by_a_file_beside_it(tmp_path: Path, server: SandboxServer) -> None:
    """As it is copied from what `sandbox` prints."""
    lines = (f"export {name}={value}\n" for name, value in server.environ.items())
    (tmp_path / ".env").write_text("".join(lines))
    done = await command("sync", "--entities", "tag_types", "--to", "sqlite:crm.db", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.report["tenant"] == server.sandbox.tenant.tenant_id


@pytest.mark.parametrize("name", ["sync", "audit"])
def test_a_tenant_of_a_sandbox_cannot_be_chosen(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It has one of its own, and the option would do nothing."""
    assert main([name, "--sandbox", "--tenant", "5"]) == 2
    assert "--tenant has no meaning with --sandbox" in capsys.readouterr().err


def test_a_lookup_does_without_the_keyring_where_it_is_not_installed() -> None:
    """It is an extra; only `login` and `logout` want it."""
    code = (
        "import sys; sys.modules['keyring'] = None\n"
        "from servicetitan_crm_async.cli.credentials.finding import find_credentials\n"
        "print(find_credentials().environ)"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, check=False, env=clean_environ()
    )
    assert (done.stdout, done.stderr) == ("{}\n", "")


def test_without_the_extra_one_line_names_it() -> None:
    """The reader of `.env` comes with the command."""
    code = (
        "import sys; sys.modules['dotenv'] = None\n"
        "from servicetitan_crm_async.cli import main; raise SystemExit(main(['--version']))"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "servicetitan-crm needs an extra: pip install 'servicetitan-crm-async[cli]'\n"
