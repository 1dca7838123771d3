"""The user's own Linen modules as subjects."""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import flax.errors
import flax.linen as nn
import jax
import numpy as np

from conformance.user_subjects.functions import Fill, options, said, split_arguments, takes
from conformance.user_subjects.inputs import SubjectsError
from properties.oracle import estimated
from properties.subject import ModuleSubject, Sizes
from reference.scope import Scope

_NOT_FIELDS = ("parent", "name")


@attrs.frozen(eq=False)
class LinenSubject(ModuleSubject):
    """A Linen module of the user's, lifted as the class that it is: no wrapper changes its tree."""

    instance: Any = None
    lifted_class: Any = None
    """The class that a transform lifts: the module's own, or a subclass of it whose ``__call__`` gives
    the arguments that are no arrays, or calls another method."""

    def configure(self, sizes: Sizes) -> dict[str, Any]:
        """The fields of the module, so that the class can be made anew."""
        return {
            field.name: getattr(self.instance, field.name)
            for field in dataclasses.fields(self.instance)
            if field.init and field.name not in _NOT_FIELDS
        }

    def make(self) -> nn.Module:
        """The module, unmapped."""
        made: nn.Module = self.lifted_class(**self.configure({}))
        return made

    def reference(self, sizes: Sizes) -> Callable[..., Any]:
        """The user's module as the reference's kind of module: a function of a scope and inputs."""
        return partial(_unmapped, self.make())


def module(
    name: str,
    module: nn.Module,
    inputs: Sequence[Any],
    *,
    streams: Sequence[str] = ("params",),
    keywords: Mapping[str, Any] | None = None,
    method: str = "__call__",
    collections: Sequence[str] | None = None,
    **given: Any,
) -> ModuleSubject:
    """A Linen module as a subject; see `conformance.own.module`."""
    arrays, fill = split_arguments(inputs, keywords)
    if not jax.tree_util.tree_leaves(arrays):
        raise SubjectsError(f"the subject {name!r} takes no array: there is nothing to map")
    chosen = options(**given)
    if callable(chosen.batched):
        raise SubjectsError(
            "batched=True says that a module takes a whole batch; it takes no function"
        )
    subject = LinenSubject(
        name,
        _unmapped,
        arrays,
        streams=tuple(streams),
        native_broadcast=None if chosen.batched else "its author wrote it for one example",
        own=chosen,
        instance=module,
        lifted_class=_filled_in(type(module), method, fill),
    )
    first, second = _initialised(subject, seeds=(0, 1))
    leaves = zip(*map(jax.tree_util.tree_leaves, (first, second)), strict=True)
    subject = attrs.evolve(
        subject,
        collections=tuple(first) if collections is None else tuple(collections),
        draws=any(not np.array_equal(a, b) for a, b in leaves),
        ranks={
            collection: min(np.ndim(leaf) for leaf in jax.tree_util.tree_leaves(tree))
            for collection, tree in first.items()
            if jax.tree_util.tree_leaves(tree)
        },
        boxed=_is_boxed(subject),
        in_setup=subject.lifted_class.setup is not nn.Module.setup,
    )
    _draws_from_named_streams(subject, first)
    return subject


def _filled_in(cls: type, method: str, fill: Fill | None) -> type:
    """The class, or one that gives the arguments that are no arrays and calls the method."""
    if not callable(getattr(cls, method, None)):
        raise SubjectsError(f"{cls.__name__} has no method {method!r}")
    if method == "__call__" and fill is None:
        return cls

    def call(self: Any, *given: Any) -> Any:
        positional, named = fill(*given) if fill else (given, {})
        return getattr(super(made, self), method)(*positional, **named)

    made = type(cls.__name__, (cls,), {"__call__": call, "__module__": cls.__module__})
    return made


def _initialised(subject: LinenSubject, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The module's variables, unboxed, for each of the seeds."""
    keys = [{name: jax.random.PRNGKey(seed) for name in subject.streams} for seed in seeds]

    def init(given: dict[str, Any], *example: Any) -> dict[str, Any]:
        return dict(nn.unbox(subject.make().init(given, *example)))

    compiled = estimated.compiled_fast(init)

    def each(*example: Any) -> list[dict[str, Any]]:
        # Unless jit does not take it (a variable that is no array, say), or it is the user's mistake.
        with contextlib.suppress(Exception):
            return [compiled(given, *example) for given in keys]
        try:
            return [init(given, *example) for given in keys]
        except flax.errors.InvalidRngError as error:
            raise SubjectsError(_unnamed(subject, error)) from None

    made: list[dict[str, Any]] = takes(subject, subject.inputs, each)
    return made


def _is_boxed(subject: LinenSubject) -> bool:
    """Whether some variable is boxed: `nn.with_partitioning` does that."""
    key = {name: jax.random.PRNGKey(0) for name in subject.streams}

    def is_box(leaf: Any) -> bool:
        return isinstance(leaf, nn.meta.AxisMetadata)

    def boxed(*example: Any) -> bool:
        with contextlib.suppress(Exception):
            tree = jax.eval_shape(lambda: subject.make().init(key, *example))
            return any(map(is_box, jax.tree_util.tree_leaves(tree, is_leaf=is_box)))
        return False  # what cannot be traced is said elsewhere

    made: bool = takes(subject, subject.inputs, boxed)
    return made


def _draws_from_named_streams(subject: LinenSubject, variables: Mapping[str, Any]) -> None:
    """Raise where a call of the module draws from a stream that the user has not named.

    Linen gives such a stream the key of the parameters in an init, and none in a call.
    """
    keys = {name: jax.random.PRNGKey(0) for name in subject.streams if name != "params"}
    updated = [name for name in subject.collections if name != "params"]

    def call(*example: Any) -> Any:
        module = subject.make()
        apply = partial(module.apply, rngs=keys, mutable=updated)
        return jax.eval_shape(apply, variables, *example)

    def checked(*example: Any) -> Any:
        try:
            return call(*example)
        except flax.errors.InvalidRngError as error:
            raise SubjectsError(_unnamed(subject, error)) from None

    output = takes(subject, subject.inputs, checked)
    if not jax.tree_util.tree_leaves(output):
        raise SubjectsError(f"the subject {subject.name!r} gives no array: nothing to compare")


def _unnamed(subject: LinenSubject, error: Exception) -> str:
    found = re.search(r'needs PRNG for "([^"]+)"', str(error))
    if found is None:
        return f"the subject {subject.name!r} lacks a PRNG stream: {said(error)}"
    wanted = dict.fromkeys((*subject.streams, found[1]))
    return (
        f"the subject {subject.name!r} draws from the PRNG stream {found[1]!r}, which is not named: "
        f"give streams={tuple(wanted)!r}"
    )


def _unmapped(module: nn.Module, scope: Scope, *inputs: Any) -> Any:
    """Initialise or apply the module with the variables and keys of a reference's scope."""
    if scope.initializing:
        output, variables = module.init_with_output(dict(scope.rngs), *inputs)
        scope.variables.update(nn.unbox(variables))
        return output
    result = module.apply(
        scope.variables, *inputs, rngs=dict(scope.rngs), mutable=list(scope.mutable)
    )
    output, updates = result
    scope.variables.update(nn.unbox(updates))
    return output
