"""Run many axis combinations of one call in a single compilation."""

from collections.abc import Iterator
from typing import Any

import jax

from properties.call import Axes, FunctionCall, ModuleCall
from properties.compiler_options import fast
from properties.transform import Lifted, Transform
from properties.trees import Raised, attempt, raw


def map_together(transform: Transform, call: FunctionCall) -> Iterator[tuple[Axes, Any]]:
    """The result of the call for each combination of axes, `Raised` where there is none."""
    given = {(axes.in_axes, axes.batch): call.arguments(axes) for axes in call.axes}
    arguments = [given[axes.in_axes, axes.batch] for axes in call.axes]
    pieces = [transform_or_raise(transform.map, call.subject.function, axes) for axes in call.axes]
    joined = transform.traceable and not call.eager
    yield from zip(call.axes, run_together(pieces, arguments, joined), strict=True)


def apply_together(
    transform: Transform, call: ModuleCall, variables: Any
) -> Iterator[tuple[Axes, Any]]:
    """What the lifted module gives for each combination of axes: (output, updates) or `Raised`."""
    arguments = [(variables, call.rngs(), *call.inputs(axes)) for axes in call.axes]
    pieces = [
        transform_or_raise(lambda single: transform.lift(single).apply, call.only(axes))
        for axes in call.axes
    ]
    joined = transform.traceable and not call.init_jitted
    yield from zip(call.axes, run_together(pieces, arguments, joined), strict=True)


def init_now(lifted: Lifted, call: ModuleCall) -> Any:
    """The variables the lifted module starts with, or `Raised`."""
    arguments = (call.rngs(), *call.inputs(call.axes[0]))
    if call.subject.own is not None:
        # A user's module may be large: one program for all of it, unless jit does not take it.
        made = attempt(lambda: _compiled(lambda given: lifted.init(*given), arguments)(arguments))
        if not isinstance(made, Raised):
            return made
    init = jax.jit(lifted.init) if call.init_jitted else lifted.init
    return attempt(init, *arguments)


def init_shapes(lifted: Lifted, call: ModuleCall) -> Any:
    """Shapes and dtypes of those variables, or `Raised`; nothing is compiled."""
    try:
        return jax.eval_shape(
            lambda *arguments: raw(lifted.init(*arguments)), call.rngs(), *call.inputs(call.axes[0])
        )
    except Exception as error:
        return Raised(error)


def transform_or_raise(make: Any, *arguments: Any) -> Any:
    """Call `make`; where it raises, give a function that raises the same."""
    try:
        return make(*arguments)
    except Exception as error:
        raised = error

        def fail(*_: Any) -> Any:
            raise raised

        return fail


def _compiled(function: Any, arguments: Any) -> Any:
    return jax.jit(function).lower(arguments).compile(compiler_options=dict(fast()))


def _alone(piece: Any, arguments: Any) -> Any:
    """The result of one piece, compiled, or `Raised`.

    It is not tried again without jit: what fails under jit alone is a fault, too.
    """
    return attempt(lambda: _compiled(lambda given: piece(*given), arguments)(arguments))


def run_together(pieces: list[Any], arguments: list[Any], joined: bool) -> list[Any]:
    """The result of each piece of its own arguments, in one compilation where `joined`."""
    if not joined:
        # NumPy's own indexing would not take a traced index; users' arrays are JAX's. (`jnp.asarray`
        # would compile a program for each shape.)
        arguments = jax.tree_util.tree_map(
            lambda leaf: leaf if isinstance(leaf, jax.Array) else jax.device_put(leaf), arguments
        )
        return [attempt(piece, *args) for piece, args in zip(pieces, arguments, strict=True)]
    failures: dict[int, Raised] = {}
    # The same arguments are given once, so that XLA merges what differs in the result's axis alone.
    # Others are arguments of their own, even where their values are the same.
    different = list({id(args): args for args in arguments}.values())
    places = [next(i for i, each in enumerate(different) if each is args) for args in arguments]

    def all_of_them(inputs: list[Any]) -> list[Any]:
        results = []
        for i, (piece, place) in enumerate(zip(pieces, places, strict=True)):
            result = attempt(piece, *inputs[place])
            if isinstance(result, Raised):
                failures[i] = result
                result = None
            results.append(result)
        return results

    results = attempt(lambda: _compiled(all_of_them, different)(different))
    if isinstance(results, Raised):
        # Something that only compiling or running shows: find out whose it is.
        pairs = zip(pieces, arguments, strict=True)
        return [_alone(piece, each) for piece, each in pairs]
    return [failures.get(i, result) for i, result in enumerate(results)]
