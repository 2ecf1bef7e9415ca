"""Pages of Markdown as programs: every block of a page is run, in its order, in one process.

A page's `python` blocks share one module, as if they stood in one file; `sh` blocks are run by bash in the
same empty folder, where the same sandbox answers. A block with a title is a file: it is written, and a later
block must use it. A `text` block is what the block before it prints, line for line, but for three dots,
which stand for anything. What a page needs and does not show stands in a comment of it:

    <!-- sandbox customers=500 seed=1 -->       what tenant the page meets; `life` too
    <!-- needs postgres -->                     a service that the test has to provide
    <!-- background until listening -->         the next block goes on until the page ends; it is
                                                ready when it says this word
    <!-- port 8000 -->                          stands for a free one in every block
    <!-- python                                 a block that is run and not shown; or `sh`
    ...
    -->

Python blocks find two names that no page shows: `sandbox`, and `advance(seconds)`, which lets its time pass.

`python tests/page_kit.py PAGE` runs one page here and now.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve, system_ticks, ticks_of_seconds

ROOT = Path(__file__).parents[1]
SHOWN = ("crontab", "ini", "python", "sh", "text")
"""The languages a block may have: there is a way to test each."""

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>```+|~~~+)(?P<language>[\w-]*)(?P<rest>.*)")
_TITLE = re.compile(r'title="([^"]+)"')
_HIDDEN = re.compile(r"<!-- (python|sh)")
_SANDBOX = re.compile(r"^<!-- sandbox (.*?) -->$", re.MULTILINE)
_NEEDS = re.compile(r"^<!-- needs (\w+) -->$", re.MULTILINE)
_PORT = re.compile(r"^<!-- port (\d+) -->$", re.MULTILINE)
_BACKGROUND = re.compile(r"<!-- background until (.+) -->")
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of a page."""

    language: str
    code: str
    line: int
    """Of the page on which the code begins, from 1."""
    title: str = ""
    hidden: bool = False
    until: str = ""
    """Of a block that goes on until the page ends: what it says once it is ready."""


class PageError(AssertionError):
    """A page that does not do what it says."""


def blocks_of(markdown: str) -> list[Block]:
    """Every block of a page, hidden ones among them.

    Raises:
        PageError: one without an end, or in a language that there is no way to test.
    """
    found: list[Block] = []
    lines = markdown.splitlines()
    place, until = 0, ""
    while place < len(lines):
        line, start = lines[place], place + 1
        language, title, end = "", "", ""
        if hidden := _HIDDEN.fullmatch(line):
            language, end = hidden[1], "-->"
        elif fence := _FENCE.fullmatch(line):
            language, end = fence["language"], fence["indent"] + fence["ticks"]
            if language not in SHOWN:
                raise PageError(f"line {start}: no way to test a block of {language or 'nothing'}")
            title = named[1] if (named := _TITLE.search(fence["rest"])) else ""
        if not end:
            if asked := _BACKGROUND.fullmatch(line.strip()):
                until = asked[1]
            place += 1
            continue
        code, place = _until(lines, start, end)
        hides = hidden is not None
        found.append(
            Block(language=language, code=code, line=start + 1, title=title, hidden=hides, until=until)
        )
        until = ""
    return found


def _until(lines: Sequence[str], start: int, end: str) -> tuple[str, int]:
    """The lines from `start` to the one that ends them, and the place behind that one."""
    indent = len(end) - len(end.lstrip())
    for place in range(start, len(lines)):
        if lines[place] == end:
            return "\n".join(line[indent:] for line in lines[start:place]) + "\n", place + 1
    raise PageError(f"line {start}: a block without an end")


def needs_of(markdown: str) -> list[str]:
    """The services that a page needs."""
    return _NEEDS.findall(markdown)


def sandbox_of(markdown: str) -> Sandbox:
    """The tenant that a page meets."""
    asked = _SANDBOX.search(markdown)
    sizes = dict(word.split("=") for word in asked[1].split()) if asked else {}
    unknown = set(sizes) - {"customers", "seed", "life"}
    if unknown:
        raise PageError(f"a sandbox of a page has no {', '.join(unknown)}")
    return Sandbox(
        customers=int(sizes.get("customers", 120)),
        seed=int(sizes.get("seed", 1)),
        life=float(sizes.get("life", 0)),
    )


async def run_page(
    page: Path,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    *,
    after: Mapping[str, str] | None = None,
) -> None:
    """Run every block of a page in a process in which a warning is an error.

    Args:
        page: of Markdown.
        folder: to work in, empty.
        environ: variables beside those that lead to the sandbox.
        after: by the beginning of a line, what to run after the python block that has it.

    Raises:
        PageError: a block failed, or did not print what stands below it.
    """
    arguments = [part for pair in (after or {}).items() for part in pair]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERVICETITAN_")}
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", __file__, str(page), *arguments),
        cwd=folder,
        env={**kept, "PYTHONUNBUFFERED": "1", **(environ or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await program.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    if program.returncode != 0:
        raise PageError(f"{page.name}:\n{said.decode()}")


class _Clock:
    """This machine's, as far ahead as the page wants the sandbox to be."""

    def __init__(self) -> None:
        self._ahead = 0

    def __call__(self) -> int:
        return system_ticks() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += ticks_of_seconds(seconds)


@contextlib.contextmanager
def _served(sandbox: Sandbox, clock: _Clock) -> Iterator[SandboxServer]:
    """A sandbox that listens, on a loop of its own beside the page."""
    ready, over = threading.Event(), asyncio.Event()
    served: list[SandboxServer] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def listen() -> None:
        loops.append(asyncio.get_running_loop())
        async with serve(sandbox, clock=clock) as server:
            served.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    ready.wait()
    try:
        yield served[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


class _Run:
    """One page on its way through its blocks."""

    def __init__(self, page: Path, names: Mapping[str, object], after: Mapping[str, str]) -> None:
        self._page, self._after = page, after
        self._module = ModuleType("__main__")
        self._module.__dict__.update(names)
        self._printed = ""
        self._background: list[_Background] = []

    def run(self, blocks: Sequence[Block]) -> None:
        sys.modules["__main__"] = self._module
        try:
            for place, block in enumerate(blocks):
                self._block(block, blocks[place + 1 :])
        finally:
            for each in self._background:
                each.stop()
        gc.collect()

    def _block(self, block: Block, later: Sequence[Block]) -> None:
        if block.title and block.language != "text":
            self._write(block, later)
        elif block.language == "text":
            self._compare(block)
        elif block.language == "python":
            self._python(block)
        elif block.until:
            self._background.append(_Background(block))
        else:
            self._shell(_command(block), block)

    def _write(self, block: Block, later: Sequence[Block]) -> None:
        name = Path(block.title).name
        Path(name).write_text(block.code, encoding="utf-8")
        for command in _unit_commands(block) if block.language == "ini" else ():
            self._shell(command, block)
        used = re.compile(rf"\b{re.escape(Path(name).stem)}\b")
        if block.language != "ini" and not any(used.search(each.code) for each in later):
            raise PageError(f"line {block.line}: no later block uses {name}")

    def _python(self, block: Block) -> None:
        code = block.code + "".join(
            more for start, more in self._after.items() if re.search(f"^{re.escape(start)}", block.code, re.M)
        )
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # The blank lines bring tracebacks to the page's own line numbers.
            exec(compile("\n" * (block.line - 1) + code, str(self._page), "exec"), self._module.__dict__)
        self._printed = printed.getvalue()

    def _shell(self, command: str, block: Block) -> None:
        if not command:
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
        self._printed = done.stdout
        if done.returncode != 0:
            raise PageError(f"line {block.line}: code {done.returncode}\n{done.stdout}")

    def _compare(self, block: Block) -> None:
        if not block.code.strip(". \n"):
            raise PageError(f"line {block.line}: any output would do")
        lines = [re.escape(" ".join(line.split())) for line in block.code.splitlines() if line.strip()]
        wanted = "\n".join(lines).replace(r"\.\.\.", ".*?")
        printed = "\n".join(" ".join(line.split()) for line in self._printed.splitlines() if line.strip())
        if not re.search(f"(?s)^{wanted}$", printed):
            raise PageError(f"line {block.line}: this was printed:\n{self._printed}")


class _Background:
    """A command that goes on until the page ends; it is ready once it has said something."""

    def __init__(self, block: Block) -> None:
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {block.code}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        if not any(block.until in line for line in self._process.stdout):
            raise PageError(
                f"line {block.line}: ended with code {self._process.wait()}, and not a word of it"
            )
        # Nobody reads on, and a full pipe would stop it.
        self._rest = threading.Thread(target=self._process.stdout.read)
        self._rest.start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE_SECONDS)
        self._rest.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _command(block: Block) -> str:
    """What bash is to run of a block."""
    if block.language == "crontab":
        return "\n".join(line.split(maxsplit=5)[5] for line in block.code.splitlines() if line.strip())
    commands = []
    for line in block.code.splitlines():
        if line.startswith("pip install"):
            _check_extras(line, block)  # what a package index would have to answer is not fetched
        elif line.startswith("python -m pytest tests/"):
            # A test command of the checkout, which may take hours: its tests and options must exist.
            commands.append(f"(cd {shlex.quote(str(ROOT))} && {line} --collect-only -q -p no:cacheprovider)")
        else:
            commands.append(line)
    return "\n".join(commands)


def _check_extras(line: str, block: Block) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extras in re.findall(r"(servicetitan[\w-]*)(?:\[([\w,]+)\])?", line):
        known = project["optional-dependencies"]
        if name != project["name"] or not set(filter(None, extras.split(","))) <= set(known):
            raise PageError(f"line {block.line}: {shlex.quote(line)} installs nothing of ours")


def _unit_commands(block: Block) -> list[str]:
    """The commands of a systemd unit."""
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.code)
    if not unit.sections():
        raise PageError(f"line {block.line}: an empty unit")
    command = unit.get("Service", "ExecStart", fallback="")
    return [Path(command.split()[0]).name + command[len(command.split()[0]) :]] if command else []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def main(path: str, *after: str) -> None:
    """Run a page in the current folder."""
    page = Path(path)
    markdown = page.read_text(encoding="utf-8")
    sys.path[0] = str(Path.cwd())  # as for a program that lies there
    unraisable: list[str] = []
    sys.unraisablehook = lambda found: unraisable.append(f"{found.exc_value!r} in {found.object!r}")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for port in _PORT.findall(markdown):
        markdown = re.sub(rf"\b{port}\b", str(_free_port()), markdown)
    sandbox, clock = sandbox_of(markdown), _Clock()
    with _served(sandbox, clock) as server:
        os.environ.update(server.environ)
        names = {"sandbox": sandbox, "advance": clock.advance}
        _Run(page, names, dict(zip(after[::2], after[1::2], strict=True))).run(blocks_of(markdown))
    if unraisable:
        raise PageError("\n".join(unraisable))


if __name__ == "__main__":
    given = [str(Path(sys.argv[1]).resolve()), *sys.argv[2:]]
    if os.getcwd() == str(ROOT):  # noqa: PTH109
        os.chdir(tempfile.mkdtemp())
    main(*given)
