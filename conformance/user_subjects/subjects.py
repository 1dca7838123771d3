"""Subjects of the user's own: functions and Linen or NNX modules, listed in a module of theirs.

    from conformance import own

    SUBJECTS = [
        own.function("scores", attention_scores, [("length", 8), ("length", 8)]),
        own.module("encoder", Encoder(features=8), [("length", 8)]),
    ]

The right answer for such a subject is the unmapped subject itself, applied to each example.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
import flax.linen as nn
import jax
import numpy as np

from conformance.transforms.linen import modules
from conformance.transforms.linen.modules import ORIGINS, Own
from properties.strategies import sizes
from properties.subject import Array, FunctionSubject, ModuleSubject, Subject
from properties.subjects import SUBJECTS
from reference.scope import Scope

Shape = Sequence[str | int]


class SubjectsError(Exception):
    """Subjects that cannot be used, in one sentence."""


def indices(*shape: str | int, below: str | int) -> Array:
    """An int32 input of indices, each at least 0 and less than ``below``."""
    return Array(tuple(shape), below)


def function(
    name: str,
    function: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    dtypes: Sequence[str] = ("float32",),
) -> FunctionSubject:
    """A function of one example as a subject.

    ``inputs`` has one entry per argument: a shape, whose numbers are fixed sizes and whose names are
    dimensions that calls choose; an array or `indices`, which mean theirs; or a pytree of these.
    """
    subject = FunctionSubject(name, function, tuple(map(_array, inputs)), tuple(dtypes))
    _takes(subject, subject.arguments, lambda *example: jax.eval_shape(function, *example))
    return subject


def module(
    name: str, module: Any, inputs: Sequence[Any], *, streams: Sequence[str] = ("params",)
) -> Subject:
    """A Linen module as a subject, or an NNX module, which becomes a function of its state.

    ``module`` is an instance; ``inputs`` as for `function`; ``streams`` are the PRNG streams that a
    Linen module draws from. Raises `SubjectsError` where it does not take such inputs.
    """
    if not isinstance(module, nn.Module):
        return _nnx(name, module, inputs)
    subject = ModuleSubject(
        name,
        _unmapped,
        tuple(map(_array, inputs)),
        {"inner": module},
        streams=tuple(streams),
        native_broadcast="nobody said that it does",
    )
    first, second = (
        _takes(subject, subject.inputs, partial(Own(module).init, keys))
        for keys in ({name: jax.random.PRNGKey(k) for name in streams} for k in (0, 1))
    )
    leaves = zip(*map(jax.tree_util.tree_leaves, (first, second)), strict=True)
    return attrs.evolve(
        subject,
        collections=tuple(first),
        draws=any(not np.array_equal(a, b) for a, b in leaves),
    )


def _takes(subject: Subject, arguments: Any, function: Callable[..., Any]) -> Any:
    """What the function gives for one example of the subject's inputs."""
    chosen = sizes(subject, "distinct", 0)
    example = jax.tree_util.tree_map(lambda a: a.draw(0, chosen, "float32"), arguments)
    try:
        return function(*example)
    except Exception as error:
        shapes = jax.tree_util.tree_map(np.shape, example)
        raise SubjectsError(
            f"the subject {subject.name!r} does not take inputs of shapes {shapes}: {_said(error)}"
        ) from None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def _array(entry: Any) -> Any:
    if isinstance(entry, Array):
        return entry
    if isinstance(entry, tuple | list) and all(isinstance(d, str | int) for d in entry):
        return Array(tuple(entry))
    if hasattr(entry, "shape"):
        return Array(tuple(entry.shape))
    return jax.tree_util.tree_map(
        _array, entry, is_leaf=lambda leaf: isinstance(leaf, tuple | list | Array)
    )


def _unmapped(scope: Scope, *inputs: Any, inner: nn.Module) -> Any:
    """The user's module as the reference's kind of module: a function of a scope and inputs."""
    if scope.initializing:
        output, variables = Own(inner).init_with_output(dict(scope.rngs), *inputs)
        scope.variables.update(variables)
        return output
    mutable = list(scope.mutable)
    result = Own(inner).apply(scope.variables, *inputs, rngs=dict(scope.rngs), mutable=mutable)
    output, updates = result
    scope.variables.update(updates)
    return output


def _nnx(name: str, module: Any, inputs: Sequence[Any]) -> FunctionSubject:
    try:
        from flax import nnx

        graph, state = nnx.split(module)
    except Exception as error:
        raise SubjectsError(
            f"the subject {name!r} is neither a Linen nor an NNX module: {_said(error)}"
        ) from None
    leaves, structure = jax.tree_util.tree_flatten(state)

    def applied(values: Sequence[Any], *arguments: Any) -> Any:
        return nnx.merge(graph, jax.tree_util.tree_unflatten(structure, values))(*arguments)

    arrays = tuple(Array(tuple(np.shape(leaf))) for leaf in leaves)
    subject = FunctionSubject(name, applied, (arrays, *map(_array, inputs)))
    _takes(subject, subject.arguments, lambda *example: jax.eval_shape(applied, *example))
    return subject


def load(origin: str) -> list[Subject]:
    """Import the module ``origin`` and register its ``SUBJECTS``.

    Raises `SubjectsError` where it cannot be imported, lists none, or takes a name that is taken.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        listed = importlib.import_module(origin).SUBJECTS
    except SubjectsError:
        raise
    except AttributeError:
        raise SubjectsError(f"{origin} has no list SUBJECTS") from None
    except Exception as error:
        raise SubjectsError(f"{origin} cannot be imported: {_said(error)}") from None
    for subject in listed:
        if not isinstance(subject, Subject):
            raise SubjectsError(
                f"{origin} lists {subject!r}, which is no subject: use own.function or own.module"
            )
        if ORIGINS.get(subject.name, origin) != origin or (
            subject.name in SUBJECTS and subject.name not in ORIGINS
        ):
            raise SubjectsError(f"{origin}: there is a subject {subject.name!r} already")
        register(subject)
        ORIGINS[subject.name] = origin
    return list(listed)


def register(subject: Subject) -> None:
    """Make the subject known by its name."""
    SUBJECTS[subject.name] = subject
    if isinstance(subject, ModuleSubject):
        modules.CLASSES[subject.name] = Own


@contextmanager
def registered(subject: Subject) -> Iterator[None]:
    """Know the subject by its name for a while."""
    register(subject)
    try:
        yield
    finally:
        SUBJECTS.pop(subject.name)
        modules.CLASSES.pop(subject.name, None)
