"""Which laws that regressed may concern a user's code: by the names and keywords that it uses."""

import os
import subprocess
import sys

import pytest

from conformance.events.user_code import Use
from conformance.upgrade.for_you.concern import may_concern
from conformance.upgrade.for_you.index import Uses
from tests.conformance.upgrade.user_sides import found, side


def uses(*names: str, **of_vmap: object) -> Uses:
    """Uses of these names, and one of `jax.vmap`."""
    found = {name: [Use(file="a.py", line=2, name=name)] for name in names}
    of_map = Use(file="a.py", line=1, name="jax.vmap", **of_vmap)  # type: ignore[arg-type]
    return Uses({**found, "jax.vmap": [of_map]})


@pytest.mark.parametrize(
    ("item", "concerned", "not_concerned"),
    [
        ("gradients.shared-sum | jax.vmap | linear", uses("jax.hessian"), uses("jax.numpy.sinc")),
        (
            "collectives.gradients | jax.vmap | psum",
            uses("jax.lax.psum", "jax.grad"),
            uses("jax.grad"),
        ),
        ("parallel.explicit-mesh | jax.vmap | sort", uses("jax.make_mesh"), uses("jax.device_put")),
        (
            "axes.negative-count-from-end | jax.vmap | sort",
            uses(keywords=("out_axes",)),
            uses(keywords=("axis_name",), positional=1),
        ),
        ("axes.out-axes-permute | jax.vmap | sort", uses(positional=2), uses(positional=1)),
        (
            "mapping.axis-size | jax.vmap | sort",
            uses(keywords=("axis_size",)),
            uses(keywords=("in_axes",)),
        ),
        ("mapping.jit-agrees | jax.vmap | psum", uses("jax.lax.psum"), uses("jax.lax.pmax")),
        ("mapping.jit-agrees | jax.vmap | lax.erf", uses("jax.lax.erf"), uses("jax.lax.exp")),
        (
            "sharing.documented-uses | flax.nnx.vmap | use.dropout-of-members",
            uses(*(f"flax.nnx.{n}" for n in ("Dropout", "RngState", "StateAxes", "split_rngs"))),
            uses("flax.nnx.Dropout"),
        ),
    ],
)
def test_a_law_concerns_code_that_may_make_its_calls(
    item: str, concerned: Uses, not_concerned: Uses
) -> None:
    assert may_concern(item, concerned)
    assert not may_concern(item, not_concerned)
    assert may_concern(f"{item} | some-defect", concerned)


def test_what_a_mistake_raises_concerns_no_code_that_works() -> None:
    assert not may_concern("errors.axis-out-of-range | jax.vmap | sort", uses(positional=2))


def test_the_primitives_that_the_code_is_traced_to_count() -> None:
    item = "mapping.jit-agrees | jax.vmap | lax.triangular_solve.right"
    assert may_concern(item, uses("jax.numpy.linalg.solve"), ["triangular_solve"])
    assert not may_concern(item, uses("jax.numpy.linalg.solve"), ["lu"])


def test_of_a_subject_that_the_suite_does_not_know_nothing_is_ruled_out() -> None:
    assert may_concern("mapping.jit-agrees | jax.vmap | my-own", uses())


USES_JAX = """
from conformance.upgrade.for_you.concern import may_concern, name_of_call
from conformance.upgrade.for_you.index import by_name
from conformance.events.user_code import Use

uses = by_name([Use(file="a.py", line=1, name="jax.vmap")])
print(name_of_call("calls/jax.vmap/in-axes-an-integer", "other", uses)[0])
print(may_concern("mapping.jit-agrees | jax.vmap | lax.exp", uses))
"""


def test_what_concerns_is_said_where_the_accelerator_is_not_there() -> None:
    elsewhere = {**os.environ, "JAX_PLATFORMS": "nosuch"}
    got = subprocess.run(
        [sys.executable, "-c", USES_JAX], env=elsewhere, capture_output=True, text=True
    )
    assert got.stdout.split() == ["jax.vmap", "True"], got.stderr


def test_a_flax_that_is_too_old_for_the_documented_uses_rules_none_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = "sharing.documented-uses | flax.nnx.vmap | use.dropout-of-members"
    assert not may_concern(item, uses("flax.nnx.Dropout"))

    def too_old(name: str) -> None:
        raise AttributeError(f"{name}: module 'flax.nnx' has no attribute 'RNNCellBase'")

    monkeypatch.setattr("conformance.upgrade.for_you.concern.import_module", too_old)
    assert may_concern(item, uses("flax.nnx.Dropout"))
    assert may_concern("mapping.jit-agrees | jax.vmap | psum", uses("jax.lax.psum"))
    assert not may_concern("mapping.jit-agrees | jax.vmap | psum", uses("jax.lax.pmax"))


@pytest.mark.parametrize(("keyword", "told"), [("graph", 1), ("graph_updates", 1), ("in_axes", 0)])
def test_lost_writes_of_a_bridge_are_told_where_graphs_are_left_out(
    keyword: str, told: int
) -> None:
    item = "sharing.documented-uses | flax.nnx.vmap | use.bridged-writes"
    lost = "nnx-bridged-writes-lost"
    named = ("nnx.bridge.ToNNX", "linen.BatchNorm")
    uses = (
        *(Use(file="a.py", line=2, name=f"flax.{name}") for name in named),
        Use(file="a.py", line=3, name="flax.nnx.vmap", keywords=(keyword,)),
    )
    known = {
        "outcome": "known-defect",
        "defect": lost,
        "detail": {"defect": lost, "reference": "", "description": ""},
    }
    before, after = (
        side({}, {}, {item: result}, uses=uses)
        for result in ({"outcome": "holds", "detail": None}, known)
    )
    assert len(found(before, after).near) == told
