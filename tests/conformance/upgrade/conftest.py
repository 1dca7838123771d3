"""A cluster for the tests that need one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.upgrade.cluster import running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    """The file of a Dask scheduler's address, and its two workers' processes."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with running(tmp_path) as started:
        yield started
