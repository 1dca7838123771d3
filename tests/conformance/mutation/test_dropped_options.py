"""A batching rule that drops an option, or adds a promise, is noticed, and JAX as it is passes."""

from typing import Any

import jax
import pytest
from jax._src.interpreters import batching

from conformance.mutation.control import first_violation, unbroken
from conformance.transforms import TRANSFORMS
from properties.applicability import unavailable
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

LAW = LAWS["mapping.keeps-options"]
REGISTRIES = (
    *("primitive_batchers", "axis_primitive_batchers", "spmd_axis_primitive_batchers"),
    "fancy_primitive_batchers",
)
"""Where the supported releases keep batching rules."""
OPTIONS = (
    ("conv_general_dilated", "conv_general_dilated", "precision", None),
    ("dot_general", "dot_general", "precision", None),
    ("dot_general", "dot_general", "preferred_element_type", None),
    ("exp", "tanh", "accuracy", None),
    ("exp", "rsqrt", "accuracy", None),
    ("eigh", "svd", "algorithm", None),
    ("sort", "sort", "is_stable", True),
    ("sort", "approx_top_k", "recall_target", 0.95),
    ("gather", "gather", "unique_indices", True),
    ("gather", "scatter-add", "indices_are_sorted", True),
    ("gather", "scatter", "unique_indices", True),
    ("scan", "scan", "unroll", 1),
    ("scan", "remat2", "prevent_cse", True),
    ("scan", "remat2", "policy", None),
)
"""The subject, a primitive of it, and an option with the value that its rule gives instead."""


@pytest.mark.parametrize(
    ("subject", "primitive", "name", "value"), OPTIONS, ids=[f"{p} {n}" for _, p, n, _ in OPTIONS]
)
def test_an_option_that_a_rule_changes_is_noticed(
    subject: str, primitive: str, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vmap, about = TRANSFORMS["jax.vmap"], SUBJECTS[f"lax.{subject}.options"]
    if reason := unavailable(about):
        pytest.skip(reason)
    control = unbroken(LAW, vmap, about, PROFILES["quick"])
    assert control.calls
    assert control.violation is None
    jax.clear_caches()
    with monkeypatch.context() as patch:
        _change_option(patch, primitive, name, value)
        found = first_violation(LAW, vmap, control.calls)
    jax.clear_caches()
    assert found is not None
    assert f"{name}=" in str(found)
    assert primitive in str(found)


def _change_option(patch: pytest.MonkeyPatch, name: str, option: str, value: Any) -> None:
    """Have each primitive of that name be mapped as if it were called with that option."""
    registries = [found for each, found in vars(batching).items() if each in REGISTRIES]
    for registry in (each for each in registries if isinstance(each, dict)):
        for primitive, rule in [*registry.items()]:
            if primitive.name.replace("checkpoint", "remat2") == name:

                def changed(*given: Any, rule: Any = rule, **options: Any) -> Any:
                    return rule(*given, **{**options, option: value})

                patch.setitem(registry, primitive, changed)
