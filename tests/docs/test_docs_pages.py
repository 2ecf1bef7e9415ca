"""Every block of every page runs, and every page is tested: none by exception."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from page_kit import ROOT, PageError, blocks_of, needs_of, run_page

PAGES = ROOT / "docs" / "pages"
PROGRAMS = [page for page in sorted(PAGES.rglob("*.md")) if "```" in page.read_text(encoding="utf-8")]
_S3 = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""


def _name(page: Path) -> str:
    return page.relative_to(PAGES).with_suffix("").as_posix()


@asynccontextmanager
async def _postgres() -> AsyncIterator[dict[str, str]]:
    """A schema of its own in the database that `POSTGRES_URL` names."""
    import asyncpg  # type: ignore[import-untyped]

    base = os.environ.get("POSTGRES_URL", "postgresql://127.0.0.1:5432/test")
    schema = f"docs_{secrets.token_hex(6)}"
    try:
        database = await asyncpg.connect(base, timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL answers at POSTGRES_URL ({type(error).__name__})")
    try:
        await database.execute(f"create schema {schema}")
        yield {"POSTGRES_URL": f"{base}{'&' if '?' in base else '?'}search_path={schema}"}
        await database.execute(f"drop schema {schema} cascade")
    finally:
        await database.close()


@asynccontextmanager
async def _redis() -> AsyncIterator[dict[str, str]]:
    """The Redis that `REDIS_URL` names; what the page keeps there is under digests, and ends by itself."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
    async with Redis.from_url(url, socket_connect_timeout=2) as client:
        try:
            await client.ping()
        except (OSError, RedisError) as error:
            pytest.skip(f"no Redis answers at REDIS_URL ({type(error).__name__})")
    yield {"REDIS_URL": url}


@asynccontextmanager
async def _s3() -> AsyncIterator[dict[str, str]]:
    """moto's S3 with an empty bucket, in a process of its own."""
    import aiohttp

    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", _S3, stdin=pipe, stdout=pipe)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        while not (line := (await server.stdout.readline()).decode()).startswith("http"):
            assert line, "moto did not start"
        url = line.strip()
        async with aiohttp.ClientSession() as session, session.put(f"{url}/warehouse") as answer:
            assert answer.status == 200
        yield {
            "S3_ENDPOINT": url,
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        await server.communicate(b"")


@asynccontextmanager
async def _servicepytan() -> AsyncIterator[dict[str, str]]:
    if find_spec("servicepytan") is None:
        pytest.skip("servicepytan is not installed")
    yield {}


SERVICES: dict[str, Callable[[], AbstractAsyncContextManager[dict[str, str]]]] = {
    "postgres": _postgres,
    "redis": _redis,
    "s3": _s3,
    "servicepytan": _servicepytan,
}


@pytest.mark.parametrize("page", PROGRAMS, ids=_name)
async def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    async with AsyncExitStack() as services:
        for need in needs_of(page.read_text(encoding="utf-8")):
            environ |= await services.enter_async_context(SERVICES[need]())
        await run_page(page, tmp_path, environ)


def test_no_block_hides_in_a_page_from_the_tests() -> None:
    for page in PROGRAMS:
        fences = len(re.findall(r"^ *(?:```|~~~)\S", page.read_text(encoding="utf-8"), re.MULTILINE))
        shown = [block for block in blocks_of(page.read_text(encoding="utf-8")) if not block.hidden]
        assert len(shown) == fences > 0, page


def test_every_test_a_page_names_exists() -> None:
    named = [
        (page, *found)
        for page in PAGES.rglob("*.md")
        for found in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8"))
    ]
    assert len(named) > 12
    for page, path, function in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, f"{page.name}: {path}::{function}"


@pytest.mark.parametrize(
    ("markdown", "wrong"),
    [
        ("```cobol\nSTOP RUN.\n```\n", "no way to test"),
        ("```\nnothing\n```\n", "no way to test"),
        ("```python\n1\n", "without an end"),
        ("<!-- sh\nls\n", "without an end"),
    ],
)
def test_a_block_that_cannot_be_tested_is_an_error(markdown: str, wrong: str) -> None:
    with pytest.raises(PageError, match=wrong):
        blocks_of(markdown)


@pytest.mark.parametrize(
    ("markdown", "wrong"),
    [
        ("```python\n1 / 0\n```\n", "line 3"),
        ("```python\nprint(1)\n```\n```text\n2\n```\n", "this was printed"),
        ("```python\nprint(1)\n```\n```text\n...\n```\n", "any output would do"),
        ("```sh\nfalse\ntrue\n```\n", "code 1"),
        ("```python\nimport warnings\nwarnings.warn('x')\n```\n", "UserWarning"),
        ("```python\nopen('f', 'w')\n```\n", "ResourceWarning"),
        ('```python title="app.py"\n1\n```\n', "no later block"),
        ("```sh\npip install 'servicetitan-crm-async[nonsense]'\n```\n", "installs nothing of ours"),
        ("<!-- sh\nexit 3\n-->\n", "code 3"),
        ("<!-- background until ready -->\n```sh\necho never\n```\n", "not a word of it"),
        ('```ini title="x.service"\n[Service]\nExecStart=/opt/bin/false\n```\n', "code 1"),
        ("```crontab\n0 3 * * * exit 7\n```\n", "code 7"),
    ],
)
async def test_a_page_that_does_not_do_what_it_says_fails(markdown: str, wrong: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- sandbox customers=1 -->\n{markdown}", encoding="utf-8")
    (tmp_path / "work").mkdir()
    with pytest.raises(PageError, match=re.escape(wrong)):
        await run_page(page, tmp_path / "work")
