"""A rule for convolutions that computes each example by itself, and lays it as is said, is found right."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from conformance.known_defects import DEFECTS
from conformance.runner import run_defect
from conformance.runner.installed_defects import installed_defects

batching = pytest.importorskip("jax._src.interpreters.batching")
convolution = pytest.importorskip("jax._src.lax.convolution")
(DEFECT,) = (each for each in DEFECTS if each.id == "vmap-convolution-of-out-sharding")


def _right_rule(
    data: Any,
    arrays: Sequence[Any],
    axes: Sequence[int | None],
    *,
    out_sharding: Any,
    **params: Any,
) -> tuple[Any, int]:
    """Each example by itself, of arrays that no axis shards; the batch lies as JAX says that it does."""
    reshard, mesh = jax.sharding.reshard, jax.sharding.get_abstract_mesh()
    whole = [
        array if axis is None else reshard(jnp.moveaxis(array, axis, 0), PartitionSpec())
        for array, axis in zip(arrays, axes, strict=True)
    ]
    results = [
        convolution.conv_general_dilated_p.bind(
            *(array if axis is None else array[i] for array, axis in zip(whole, axes, strict=True)),
            out_sharding=out_sharding,
            **params,
        )
        for i in range(data.size)
    ]
    spec = PartitionSpec(data.explicit_mesh_axis, *out_sharding.spec)
    return reshard(jnp.stack(results), NamedSharding(mesh, spec)), 0


@pytest.fixture
def right_rule() -> Iterator[None]:
    """Puts the right rule in the place of JAX's, until the test ends."""
    rules, convolve = batching.fancy_primitive_batchers, convolution.conv_general_dilated_p
    before = rules[convolve]
    rules[convolve] = _right_rule
    jax.clear_caches()
    yield
    rules[convolve] = before
    jax.clear_caches()


needs_the_release = pytest.mark.skipif(
    DEFECT not in installed_defects(), reason="the release does not have the defect"
)


@needs_the_release
def test_the_law_does_not_hold_by_the_rule_of_jax() -> None:
    assert run_defect.still_shows(DEFECT)


@needs_the_release
@pytest.mark.usefixtures("right_rule")
def test_the_law_holds_by_a_right_rule() -> None:
    assert not run_defect.still_shows(DEFECT)
