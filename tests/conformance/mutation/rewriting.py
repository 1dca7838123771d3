"""A function of JAX whose source is written otherwise, and whether a subject's calls notice it."""

import __future__

import importlib
import inspect
import textwrap
from typing import Any

import jax
import pytest

from conformance.mutation.control import first_violation, unbroken
from conformance.transforms import TRANSFORMS
from properties.applicability import unavailable
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

LAW = LAWS["mapping.equals-per-example"]
WRITTEN_FOR = "0.10.2"
"""The release of JAX that has the code which tests write otherwise."""


def control_of(subject: str) -> Any:
    """Calls that hold without a fault."""
    if reason := unavailable(SUBJECTS[subject]):
        pytest.skip(reason)
    control = unbroken(LAW, TRANSFORMS["jax.vmap"], SUBJECTS[subject], PROFILES["quick"])
    if not control.calls:
        assert jax.__version__ != WRITTEN_FOR
        pytest.skip("a known defect of this release affects every call")
    assert control.violation is None
    return control.calls


def rewritten(where: str, before: str, after: str) -> tuple[Any, Any]:
    """A function of JAX, and what it is with `after` in place of `before` in its source."""
    path, name = where.split(":")
    module: Any = importlib.import_module(path)
    function = module
    for each in name.split("."):
        function = getattr(function, each)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(before) != 1:
        assert jax.__version__ != WRITTEN_FOR
        pytest.skip(f"jax {jax.__version__} has {where} written otherwise")
    made: dict[str, Any] = {}
    # Annotations stay text: a method's may name a parameter of its class's type.
    text = source.replace(before, after)
    flags = __future__.annotations.compiler_flag
    exec(compile(text, path, "exec", flags, dont_inherit=True), vars(module), made)
    return inspect.unwrap(function), inspect.unwrap(made[function.__name__])


def is_noticed(calls: Any) -> bool:
    jax.clear_caches()
    found = first_violation(LAW, TRANSFORMS["jax.vmap"], calls)
    jax.clear_caches()
    return found is not None
