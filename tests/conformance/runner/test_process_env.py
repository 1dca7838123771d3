"""What a process is given before JAX starts, where an accelerator may be found and where not."""

import importlib.util

import pytest

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
