"""`servicetitan-crm completion`: the Tab key, in the shell itself where there is one to try."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from servicetitan_crm_async.cli import main

COMMANDS = ("sync", "status", "audit", "sandbox", "doctor", "login", "logout", "operations", "completion")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of bash, in a file, as the help says to keep it."""
    from servicetitan_crm_async.cli.app import app

    path = tmp_path_factory.mktemp("completions") / "servicetitan-crm"
    path.write_text(app.generate_completion(prog_name="servicetitan-crm", shell="bash"))
    return path


def bash(script: Path, code: str) -> list[str]:
    """What bash prints, line by line, once it has read the script."""
    done = subprocess.run(
        ("bash", "--norc", "--noprofile", "-c", f'source "$1"\n{code}', "bash", str(script)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    line = " ".join(f"'{word}'" for word in ("servicetitan-crm", *words))
    return bash(
        script,
        f"COMP_WORDS=({line}); COMP_CWORD={len(words)}\n"
        "read -r _ _ function _ < <(complete -p servicetitan-crm)\n"
        '"$function"; printf "%s\\n" "${COMPREPLY[@]}"',
    )


def test_bash_completes_commands_options_and_values(script: Path) -> None:
    """By the function that the script tells bash to call for this command."""
    [told] = bash(script, "complete -p servicetitan-crm")
    assert told.startswith("complete -F ")
    assert told.endswith(" servicetitan-crm")
    assert set(COMMANDS) <= set(completed(script, ""))
    assert completed(script, "sy") == ["sync"]
    assert completed(script, "doctor", "--ent") == ["--entities"]
    assert completed(script, "sync", "--contract", "") == ["portal", "openapi-2.0.0"]
    assert completed(script, "login", "--environment", "int") == ["integration"]
    assert completed(script, "completion", "") == ["bash", "zsh", "fish"]
    assert completed(script, "doctor", "--nothing") == [""]


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef servicetitan-crm"), ("fish", "complete -c ")])
def test_the_other_shells_get_every_command(
    shell: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command's own name, by which the shell knows when to ask it."""
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert mark in out
    assert "servicetitan-crm" in out
    for name in COMMANDS:
        assert name in out


def test_the_script_is_all_that_is_printed(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read by a shell."""
    assert main(["completion", "bash"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (script.read_text() + "\n", "")


def test_a_shell_that_is_not_known_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that are."""
    assert main(["completion", "tcsh"]) == 2
    err = capsys.readouterr().err
    assert all(word in err for word in ("tcsh", "bash", "zsh", "fish"))


def test_the_help_says_where_each_shell_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, to be copied."""
    assert main(["completion", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for shell in ("bash", "zsh", "fish"):
        assert f"servicetitan-crm completion {shell} >" in out
