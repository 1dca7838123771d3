"""The user's own functions as subjects."""

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from conformance.user_subjects.inputs import (
    Static,
    SubjectsError,
    TypedKey,
    argument,
    arguments,
)
from conformance.user_subjects.places import own_frame, short
from properties.sizes import sizes
from properties.subject import FunctionSubject, OwnOptions, Subject
from properties.trees import first_line, raw

_UNBOUND = "unbound axis name"
Tolerance = float | tuple[float, float] | None


def options(
    tolerance: Tolerance = None,
    batch_sizes: Sequence[int] = (),
    axes: Sequence[int] | None = None,
    without: Mapping[str, str] | None = None,
    batched: bool | Callable[..., Any] = False,
    has_state: bool = False,
    axis_name: str | None = None,
) -> OwnOptions:
    """What a user says about a subject.

    Args:
        tolerance: How far a value may be from the unmapped function's: a number, which is relative and
            absolute, or (relative, absolute). By default a bound on rounding is computed.
        batch_sizes: Sizes of the batch, in place of those that the suite chooses.
        axes: Positions of the batch axis; by default it may stand anywhere.
        without: Transforms and laws to leave out, by names or globs, each with a reason.
        batched: True where the subject takes a whole batch, too, in front of each input: then that must
            give what it gives for each example. Or another function that takes the batch.
        has_state: The first argument is a module's state.
        axis_name: The name by which the function's collectives know the batch axis. What they must give
            is what ``batched`` gives, a function of the whole batch without collectives.

    """
    if tolerance is not None and not isinstance(tolerance, tuple | list):
        tolerance = (tolerance, tolerance)
    if tolerance is not None and (len(tolerance) != 2 or not all(t >= 0 for t in tolerance)):
        raise SubjectsError(
            f"tolerance={tolerance!r} is neither a number nor (relative, absolute), from 0 on"
        )
    if any(not isinstance(size, int) or size < 1 for size in batch_sizes):
        raise SubjectsError(f"batch_sizes={batch_sizes!r} are not all whole numbers from 1 on")
    for name, reason in (without or {}).items():
        if not (isinstance(reason, str) and reason.strip()):
            raise SubjectsError(f"without={{{name!r}: {reason!r}}} gives no reason")
    return OwnOptions(
        None if tolerance is None else (float(tolerance[0]), float(tolerance[1])),
        tuple(batch_sizes),
        None if axes is None else tuple(axes),
        dict(without or {}),
        batched or None,
        has_state,
        axis_name,
    )


def function(
    name: str,
    function: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    dtypes: Sequence[str] = ("float32",),
    keywords: Mapping[str, Any] | None = None,
    **given: Any,
) -> FunctionSubject:
    """A function of one example as a subject.

    Args:
        name: What the subject is called in reports.
        function: Anything that can be called: a function, `functools.partial`, a bound method, an
            object with ``__call__``.
        inputs: One entry per argument of one example. A shape, whose numbers are fixed sizes and whose
            names are dimensions that calls choose; an array, whose shape, dtype and range count; what
            `own.indices`, `own.positive`, `own.booleans`, `own.key` and the like make; or a tuple, list,
            dictionary, named tuple, registered dataclass or None of these. What is no array (a float, a
            boolean, a string, a function, or `own.static` of anything) is given as it is.
        dtypes: The dtypes of inputs that are shapes.
        keywords: Arguments given by name, written in the same way.
        given: ``tolerance``, ``batch_sizes``, ``axes``, ``without``, ``batched`` and ``axis_name``, as
            `options` takes them.

    Raises:
        SubjectsError: where the function does not take such inputs.

    """
    if isinstance(function, type):
        raise SubjectsError(
            f"the subject {name!r} is the class {function.__name__}, not a function: give an instance "
            f"of it, such as {function.__name__}(...)"
        )
    if not callable(function):
        raise SubjectsError(f"the subject {name!r} cannot be called: {function!r}")
    arrays, fill = split_arguments(inputs, keywords)
    called = filled_in(function, fill)
    chosen = options(**given)
    if callable(chosen.batched):
        chosen = attrs.evolve(chosen, batched=filled_in(chosen.batched, fill))
    subject = FunctionSubject(name, called, arrays, tuple(dtypes), own=chosen)
    if not jax.tree_util.tree_leaves(arrays):
        raise SubjectsError(f"the subject {name!r} takes no array: there is nothing to map")
    if chosen.axis_name is not None:
        return _with_collectives(subject)
    result = takes(subject, subject.arguments, lambda *example: jax.eval_shape(called, *example))
    leaves = jax.tree_util.tree_leaves(result)
    if not leaves:
        raise SubjectsError(f"the subject {name!r} gives no array: there is nothing to compare")
    if any(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in leaves):
        if callable(chosen.batched):
            chosen = attrs.evolve(chosen, batched=_of_raw_keys(chosen.batched))
        return attrs.evolve(subject, function=_of_raw_keys(called), own=chosen)
    return subject


def _with_collectives(subject: FunctionSubject) -> FunctionSubject:
    """The subject as one whose examples exchange values along the batch axis."""
    assert subject.own is not None
    if not callable(subject.own.batched):
        raise SubjectsError(
            f"the subject {subject.name!r} has axis_name={subject.own.axis_name!r}: say what its "
            "collectives must give by batched=, a function of the whole batch without collectives"
        )
    return attrs.evolve(subject, kind="collective")


Fill = Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]


def split_arguments(
    inputs: Any, keywords: Mapping[str, Any] | None
) -> tuple[tuple[Any, ...], Fill | None]:
    """The arrays among a user's inputs, and how the arguments of a call are made of them.

    Returns:
        The specifications of the arrays, those given by name last, and a function from their values to
        positional and named arguments: None where the values are the arguments.

    """
    positional = arguments(inputs)
    named = {name: argument(entry) for name, entry in (keywords or {}).items()}
    every = [*positional, *named.values()]
    arrays = tuple(entry for entry in every if not isinstance(entry, Static))

    def fill(*given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        values = iter(given)
        filled = [e.value if isinstance(e, Static) else typed(e, next(values)) for e in every]
        count = len(positional)
        return tuple(filled[:count]), dict(zip(named, filled[count:], strict=True))

    as_given = not named and len(arrays) == len(every) and not _has_keys(arrays)
    return arrays, None if as_given else fill


def filled_in(function: Callable[..., Any], fill: Fill | None) -> Callable[..., Any]:
    """The function of the arrays among its arguments."""
    if fill is None and isinstance(function, types.FunctionType):
        return function

    # Maps look at names, signatures and attributes, which partials, methods and objects may lack.
    def called(*given: Any) -> Any:
        positional, named = fill(*given) if fill else (given, {})
        return raw(function(*positional, **named))

    return called


def _of_raw_keys(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its typed keys as the integers that laws compare."""
    return lambda *given: raw(function(*given))


def _has_keys(tree: Any) -> bool:
    return any(isinstance(leaf, TypedKey) for leaf in jax.tree_util.tree_leaves(tree))


def typed(specified: Any, value: Any) -> Any:
    """The argument as the user's function takes it: typed keys from the integers drawn for them."""

    def leaf(spec: Any, drawn: Any) -> Any:
        if isinstance(spec, TypedKey):
            return jax.random.wrap_key_data(drawn, impl=spec.impl)
        return drawn

    return jax.tree_util.tree_map(leaf, specified, value)


def takes(subject: Subject, arguments: Any, function: Callable[..., Any]) -> Any:
    """What the function gives for one example of the subject's inputs."""
    chosen = sizes(subject, "distinct", 0)
    example = jax.tree_util.tree_map(lambda a: a.draw(0, chosen, "float32"), arguments)
    try:
        return function(*example)
    except SubjectsError:
        raise
    except Exception as error:
        if _UNBOUND in str(error):
            raise SubjectsError(
                f"the subject {subject.name!r} has a collective over the batch axis ({said(error)}): "
                "give axis_name=, the axis's name, and batched=, what it must give of a whole batch"
            ) from None
        if remedy := _remedy(error):
            place = own_frame(error)
            where = f" ({short(place.filename)}, line {place.lineno})" if place else ""
            raise SubjectsError(
                f"the subject {subject.name!r} {remedy[0]}{where}: {remedy[1]}"
            ) from None
        shapes = jax.tree_util.tree_map(np.shape, example)
        raise SubjectsError(
            f"the subject {subject.name!r} does not take inputs of shapes {shapes}: {said(error)}"
        ) from None


_TRACED = "that is traced, and so not known yet"
_REMEDIES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        jax.errors.TracerBoolConversionError,
        f"branches in Python on a value {_TRACED}",
        "use jnp.where or jax.lax.cond in place of if, and jax.lax.while_loop in place of while",
    ),
    (
        jax.errors.TracerIntegerConversionError,
        f"uses as a Python integer, as range() or a list's index does, a value {_TRACED}",
        "use jax.lax.fori_loop or an index into an array, or give the number as it is, not as an input",
    ),
    (
        jax.errors.TracerArrayConversionError,
        f"makes a NumPy array of a value {_TRACED}",
        "use jax.numpy in place of numpy",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "indexes an array by booleans that are traced, and the size of the result is not known",
        "use jnp.where(mask, x, 0), or jnp.nonzero with size=",
    ),
    (
        jax.errors.ConcretizationTypeError,
        f"makes a Python number, as int() and float() do, of a value {_TRACED}",
        "leave it an array, as x.astype(jnp.float32) does, or give the number as it is, not as an input",
    ),
)
"""Errors of a function that cannot be traced: what it does, and what to do instead."""
_OF_A_SIZE = "Shapes must be 1D sequences of concrete values"


def _remedy(error: Exception) -> tuple[str, str] | None:
    if _OF_A_SIZE in str(error):
        return (
            f"makes an array whose size is a value {_TRACED}",
            "take sizes from shapes, as x.shape[0], or give the number as it is, not as an input",
        )
    return next(((what, do) for kind, what, do in _REMEDIES if isinstance(error, kind)), None)


def said(error: BaseException) -> str:
    """An exception in one line: the first of its message, with the next where that ends in a colon."""
    message = str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    lines[0] = first_line(message) or lines[0]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return f"{type(error).__name__}: {first}"


def name_of(subject: Any) -> str:
    """What a function, module or other object is called."""
    inner = getattr(subject, "func", subject)
    name = getattr(inner, "__name__", None)
    return name if isinstance(name, str) else type(inner).__name__
