"""What modules start with: the tree of variables, and every value."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs
import jax
import numpy as np

from conformance.observations import cases
from conformance.observations.record import Observation, many
from conformance.observations.selection import EVERYTHING, Selection
from properties import oracle
from properties.call import ModuleCall
from properties.compare import Expected, Mismatch, assert_agrees
from properties.joint_compile import init_now
from properties.transform import Transform
from properties.trees import Raised, described, raw
from reference.error_bounds.agreement import SLACK, agree

OTHER_KEY = 1_000_003
"""How far away the key is that tells what depends on the key."""


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`parameters/TRANSFORM/SUBJECT/shared|ensemble/tree`, and each leaf beside it by its path."""
    for key, transform, call in cases.modules(selection):
        yield from many(f"parameters/{key}", partial(_variables, transform, call))


def _variables(transform: Transform, call: ModuleCall) -> dict[str, Any]:
    """The tree as text per path; per leaf {value, bound, keyed, agrees}.

    `bound`: the error that the laws allow, None where the reference gives nothing.
    `keyed`: another key gives other values. `agrees`: the reference, drawing from the PRNG that
    is installed, gives the same; None where it gives nothing. Together they say what a change of the
    PRNG's stream explains.
    """
    variables = _started(transform, call)
    other = by_path(_started(transform, attrs.evolve(call, key=call.key + OTHER_KEY)))
    right = _reference(call)
    facts: dict[str, Any] = {"tree": by_path(described(variables))}
    for path, value in by_path(variables).items():
        one = None if right is None else right.get(path)
        facts[path] = {
            "value": np.asarray(value),
            "bound": None if one is None else np.asarray(SLACK * one.bound),
            "keyed": not np.all(agree(value, other[path], 0.0)),
            "agrees": None if right is None else agreement(value, one),
        }
    return facts


def _started(transform: Transform, call: ModuleCall) -> Any:
    variables = init_now(transform.lift(call), call)
    if isinstance(variables, Raised):
        raise variables.error
    return jax.tree_util.tree_map(np.asarray, raw(variables))


def _reference(call: ModuleCall) -> dict[str, Expected] | None:
    try:
        right = oracle.of_variables(call)
    except Exception:
        # Of a user's own module, say. What it lacks is no difference between two releases.
        return None
    trees = [by_path(tree) for tree in right]
    return {path: Expected(*(tree[path] for tree in trees)) for path in trees[0]}


def agreement(value: Any, right: Expected | None) -> bool:
    """Whether a leaf is right, within its bound."""
    if right is None:
        return False
    try:
        assert_agrees(value, right)
    except Mismatch:
        return False
    return True


def by_path(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by their path, its steps joined by slashes."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {"/".join(map(_step, path)): leaf for path, leaf in leaves}


def _step(entry: Any) -> str:
    return str(next(getattr(entry, a) for a in ("key", "idx", "name") if hasattr(entry, a)))
