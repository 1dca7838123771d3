"""What objects have that their class does not have: fields, and what methods store."""

import functools
from pathlib import Path
from typing import Any

import pytest

from conformance.observations import names
from conformance.observations.of_objects import may_have


def _twice(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments)

    return wrapper


class Layer:
    field: int
    default = 3

    @_twice
    def __init__(self) -> None:
        self.kernel = 1

    def later(self) -> None:
        def inner() -> None:
            self.cached = self.read_only  # type: ignore[attr-defined]

        inner()

    @property
    def sharding(self) -> Any:
        return object()


class Derived(Layer):
    pass


class Dynamic:
    def __getattr__(self, name: str) -> Any:
        return name


@pytest.mark.parametrize("attribute", ["field", "kernel", "cached", "sharding"])
def test_a_field_and_what_a_method_stores_are_of_its_objects(attribute: str) -> None:
    assert may_have(Layer, attribute)
    assert may_have(Derived, attribute)


@pytest.mark.parametrize("attribute", ["read_only", "nothing", "default", "later"])
def test_what_nothing_stores_is_not_and_what_the_class_has_is_the_classs(attribute: str) -> None:
    assert not may_have(Layer, attribute)


def test_a_class_with_getattr_may_have_anything() -> None:
    assert may_have(Dynamic, "anything")


def test_a_module_that_needs_another_package_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "needy"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "converter.py").write_text("import a_package_that_nobody_has\n")
    (package / "broken.py").write_text("from needy import nothing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {
        name: dict(names.of_name(name))[f"names/{name}"]
        for name in ("needy.converter", "needy.converter.convert", "needy.broken", "needy.nowhere")
    }
    assert found["needy.converter"] is True
    assert found["needy.converter.convert"] is True
    assert found["needy.broken"]["name"] == "needy.broken"
    assert found["needy.nowhere"]["name"] == "needy.nowhere"


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("flax.nnx.Linear.kernel", True),
        ("flax.nnx.Linear.kernel.value", True),
        ("flax.nnx.Dropout.deterministic", True),
        ("flax.linen.Dense.features", True),
        ("flax.linen.Dense.features.anything", True),
        ("jax.Array.sharding.spec", True),
        ("jax.sharding.Mesh.nowhere", False),
        ("jax.Array.nowhere", False),
        ("jax.numpy.nowhere.at_all", False),
        ("jax.numpy.add", True),
    ],
)
def test_a_name_is_there_where_the_objects_of_a_class_have_it(name: str, is_there: bool) -> None:
    (value,) = dict(names.of_name(name)).values()
    assert (value is True) is is_there, value
