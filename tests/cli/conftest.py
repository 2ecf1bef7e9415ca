"""No test sees the keyring of whoever runs it, in this process or in one that it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_kit import Desk, at_a_desk
from serving_kit import served_beside

from servicetitan_crm_async.sandbox import Sandbox

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


@pytest.fixture
def desk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    """Commands in this process, for a small tenant that nobody disturbs."""
    with served_beside(Sandbox(seed=7, customers=120)) as server:
        yield at_a_desk(server, capsys, monkeypatch, tmp_path)
