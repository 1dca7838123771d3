"""Maps of arrays over an Explicit mesh: what the law notices, what it leaves, where it does not apply."""

import contextlib
from collections.abc import Callable
from typing import Any

import attrs
import jax
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws import LAWS
from properties.laws.parallel import explicit
from properties.subjects import SUBJECTS
from reference.error_bounds.bounded_array import UnsupportedPrimitive

LAW, VMAP = LAWS["parallel.explicit-mesh"], TRANSFORMS["jax.vmap"]
CALL = FunctionCall("square", {"batch": 4, "m": 2, "n": 3}, (Axes((0,), 0),))
meshed = pytest.mark.skipif(not hasattr(jax, "set_mesh"), reason="this jax has no jax.set_mesh")


def with_map(change: Callable[[Any], Any]) -> Any:
    """The transform, whose mapped functions are changed."""
    return attrs.evolve(VMAP, map=lambda function, axes: change(VMAP.map(function, axes)))


@meshed
@pytest.mark.parametrize("seed", [0, 1], ids=["jit", "ahead-of-time"])
def test_the_map_as_it_is_passes(seed: int) -> None:
    assert violation(LAW, VMAP, attrs.evolve(CALL, seed=seed)) is None


@meshed
@pytest.mark.parametrize(("size", "devices"), [(4, 2), (9, 3), (5, 5), (1, 1)])
def test_the_batch_is_sharded_over_the_fewest_devices_that_divide_it(
    size: int, devices: int
) -> None:
    assert explicit.explicit_mesh_for(size).devices.size == devices


@meshed
def test_a_result_that_is_whole_on_each_device_is_noticed() -> None:
    def whole(mapped: Any) -> Any:
        return lambda x: jax.sharding.reshard(mapped(x), jax.sharding.PartitionSpec())

    found = violation(LAW, with_map(whole), CALL)
    assert found is not None
    assert "a device has 4 of the 4 examples in place of 2" in str(found)


@meshed
def test_a_wrong_value_is_noticed_and_an_unmapped_argument_is_whole() -> None:
    call = FunctionCall("matmul", {"batch": 4, "m": 2, "k": 3, "n": 3}, (Axes((0, None), 0),))
    assert violation(LAW, VMAP, call) is None
    found = violation(LAW, with_map(lambda mapped: lambda *x: -mapped(*x)), call)
    assert found is not None
    assert "values differ" in str(found)


@meshed
def test_a_mesh_that_is_left_set_is_noticed() -> None:
    with contextlib.ExitStack() as stack:

        def leaking(mapped: Any) -> Any:
            stack.enter_context(jax.set_mesh(explicit.explicit_mesh_for(4)))
            return mapped

        found = violation(LAW, with_map(leaking), CALL)
    assert found is not None
    assert str(found).startswith("the mesh is still set")


@meshed
@pytest.mark.parametrize(
    ("message", "refused"), [("specify it by out_sharding", True), ("Resource axis", False)]
)
def test_an_error_that_names_a_way_out_is_no_violation(message: str, refused: bool) -> None:
    def raising(mapped: Any) -> Any:
        def mapped_wrongly(x: Any) -> Any:
            raise ValueError(message)

        return mapped_wrongly

    if refused:
        with pytest.raises(UnsupportedPrimitive, match="a way out"):
            violation(LAW, with_map(raising), CALL)
    else:
        assert message in str(violation(LAW, with_map(raising), CALL))


def test_it_does_not_apply_where_there_is_no_explicit_mesh_or_one_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    square = SUBJECTS["square"]
    monkeypatch.setattr(jax, "set_mesh", None, raising=False)
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    assert LAW.skip_reason(VMAP, square) == "there is one device: nothing can be sharded"
    monkeypatch.delattr(jax, "set_mesh")
    assert LAW.skip_reason(VMAP, square) == f"jax {jax.__version__} has no jax.set_mesh"


def test_it_is_about_functions_what_joins_them_and_sums_over_the_batch() -> None:
    about = {name for name, subject in SUBJECTS.items() if LAW.applies_to(VMAP, subject)}
    assert {"square", "lax.while", "lax.scan.constant-carry", "psum", "pmean"} <= about
    assert not {"lax.sin", "ppermute", "dense"} & about
    assert about.issuperset(explicit.JOINING + explicit.OVER_THE_BATCH)
