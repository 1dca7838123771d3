"""A registry of tiny packages for each test, and the environments that are built from it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    Environment,
    parse,
    provide,
)
from conformance.upgrade.environments.resolve import Needs
from tests.conformance.upgrade.environments.wheels import (
    NOTHING,
    add_wheel,
)


@pytest.fixture
def registry(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The only registry that uv knows, with one 1.0 and 2.0, and other, which needs one below 2."""
    directory = tmp_path / "registry"
    add_wheel(directory, "one", "1.0")
    add_wheel(directory, "one", "2.0")
    add_wheel(directory, "other", "5.0", "one<2")
    add_wheel(directory, "later", "3.0", python=">=3.99")
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_INDEX_URL", directory.as_uri())
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return directory


@pytest.fixture
def made(registry: Path, tmp_path: Path) -> Callable[..., Environment]:
    """Builds the one environment that is asked for, in a cache of this test."""

    def make(spec: str, needs: Needs = NOTHING) -> Environment:
        (environment,) = provide([parse(spec)], needs, tmp_path / "cache")
        assert isinstance(environment, Environment), str(environment)
        return environment

    return make
