"""What a process is given before JAX starts, where an accelerator may be found and where not."""

import importlib.metadata
import importlib.util

import pytest

from conformance.judge import server_process
from conformance.runner import process_env


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAX_PLATFORMS", process_env.PRECISION, "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.delenv(name, raising=False)


def plugins(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in names else None
    )


@pytest.mark.parametrize("plugin", ["jax_plugins", "libtpu"])
def test_products_are_in_full_precision_where_there_is_an_accelerator(
    plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins(monkeypatch, plugin)
    assert process_env.environment()[process_env.PRECISION] == "highest"


def test_what_the_user_asks_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins(monkeypatch, "jax_plugins")
    monkeypatch.setenv(process_env.PRECISION, "tensorfloat32")
    assert process_env.PRECISION not in process_env.environment()


def test_a_cpu_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins(monkeypatch)
    assert process_env.PRECISION not in process_env.environment()
    plugins(monkeypatch, "jax_plugins")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert process_env.PRECISION not in process_env.environment()


def test_workers_share_the_memory_of_a_gpu() -> None:
    assert process_env.environment()["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


@pytest.mark.parametrize(
    ("jaxlib", "has"), [("0.4.30", False), ("0.4.33", True), ("0.12.0.1", True), ("0.13.0", False)]
)
def test_only_a_jaxlib_that_is_known_to_have_a_flag_is_given_it(
    jaxlib: str, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: jaxlib)
    assert (process_env.ONE_MODULE in process_env.worker_environment()["XLA_FLAGS"]) == has
    assert process_env.ONE_MODULE not in process_env.environment()["XLA_FLAGS"]


def test_a_flag_that_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_parallel_codegen_split_count=4")
    flags = process_env.worker_environment()["XLA_FLAGS"].split()
    assert [flag for flag in flags if "split_count" in flag] == [
        "--xla_cpu_parallel_codegen_split_count=4"
    ]


@pytest.mark.parametrize(
    ("jaxlib", "kept"),
    [("0.5.0", True), ("0.5.1", False), ("0.5.3", False), ("0.6.0", False), ("0.6.1", True)],
)
def test_a_cache_that_is_read_back_wrongly_is_not_used(
    jaxlib: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAX_ENABLE_COMPILATION_CACHE", raising=False)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: jaxlib)
    asked = process_env.environment(cache=True)
    assert ("JAX_COMPILATION_CACHE_DIR" in asked) == kept
    assert asked.get("JAX_ENABLE_COMPILATION_CACHE") == (None if kept else "false")
    judged = server_process.environment()
    assert judged.get("JAX_ENABLE_COMPILATION_CACHE") == (None if kept else "false")
