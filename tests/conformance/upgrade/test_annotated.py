"""Variables that are made with names of a mesh's axes, and no mesh, are told before anything runs."""

import pytest

from conformance.events.user_code import Use
from conformance.upgrade.for_you.annotated import made_without_a_mesh
from conformance.upgrade.for_you.index import by_name
from conformance.upgrade.for_you.lines import Place
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.sources.annotated import annotated_in

START = "from flax import nnx\nimport flax.nnx as other\nimport flax.linen as nn\n"


@pytest.mark.parametrize(
    "call",
    [
        "nnx.with_partitioning(init, ('data', None))",
        "other.with_partitioning(init, sharding=('data', 'model'))",
        "nnx.Linear(n, n, kernel_init=nnx.with_partitioning(init, rules('embed')), rngs=rngs)",
        "nnx.Param(x, sharding=('data',))",
        "nnx.BatchStat(x, sharding_names=('data',))",
        "nnx.with_metadata(init, out_sharding=('data',))",
    ],
)
def test_what_is_annotated_is_found(call: str) -> None:
    (found,) = annotated_in(f"{START}def f(n, init, rngs, x):\n    return {call}\n", "m.py")
    assert (found.line, found.name) == (5, "NNX Variable: annotated with axes")


@pytest.mark.parametrize(
    "call",
    [
        "nnx.with_partitioning(init, axes)",
        "nnx.with_partitioning(init, ())",
        "nnx.with_partitioning(init, ('data',), mesh=mesh)",
        "nnx.with_partitioning(init, ('data',), eager_sharding=False)",
        "nnx.with_partitioning(init, ('data',), **options)",
        "nnx.with_metadata(init, name='data')",
        "nnx.Param(x, sharding=None)",
        "nnx.Param(x, name='data')",
        # Linen's boxes are made as they were.
        "nn.with_partitioning(init, ('data',))",
    ],
)
def test_what_is_not_or_is_provided_for_is_not_found(call: str) -> None:
    assert annotated_in(f"{START}y = {call}\n", "m.py") == []


def _told(was: str | None, now: str | None, *names: str) -> list[tuple[Place, ...]]:
    operations = annotated_in(f"{START}y = nnx.Param(x, sharding=('data',))\n", "m.py")
    uses = by_name([Use(file="m.py", line=1, name=name) for name in names])
    sides = (Side(None, {"flax": version}) for version in (was, now))
    return [line.places for line in made_without_a_mesh(operations, uses, *sides)]


def test_a_flax_that_lays_them_out_at_once_is_told_of_once_it_is_new() -> None:
    assert _told("0.11.2", "0.12.0", "jax.vmap") == [(Place("m.py", (4,)),)]
    assert not _told("0.12.0", "0.12.8")
    assert not _told("0.10.0", "0.11.2")
    assert not _told(None, "0.12.0")


@pytest.mark.parametrize(
    "name",
    ["jax.set_mesh", "jax.sharding.use_mesh", "flax.config.update", "flax.nnx.use_eager_sharding"],
)
def test_sources_that_enter_a_mesh_or_switch_it_off_are_not_told(name: str) -> None:
    assert not _told("0.11.2", "0.12.0", name)
