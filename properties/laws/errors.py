"""Calls that cannot mean anything: they raise what tells the caller so, and what it is about."""

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import jax
from hypothesis import strategies as st

from properties import oracle
from properties.applicability import takes_specs
from properties.batch_axes import front
from properties.call import Axes, FunctionCall
from properties.compare import Mismatch, assert_agrees
from properties.joint_compile import run_together, transform_or_raise
from properties.law import attribute_to, law
from properties.profile import Profile
from properties.recipe import MAP, Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, attempt

Wrong = Callable[[Axes], Axes]
MANY = 97
"""More examples than any batch has."""
BEYOND = 9
"""An axis that no argument and no result has."""


def _calls(wrong: Wrong) -> Any:
    """Calls with every batch axis in front, but for what ``wrong`` makes of it."""
    cases = function_calls(front, front, most=1)

    def wrongly(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        return cases(transform, subject, attrs.evolve(profile, examples=1)).map(
            lambda call: call.only(wrong(call.axes[0]))
        )

    return wrongly


def _must_raise(
    transform: Transform, call: FunctionCall, why: str, says: tuple[str, ...], *more: int
) -> None:
    """ValueError, as jax.vmap documents by raising it, from making the map or from calling it.

    Its message ``says`` one of those.
    """
    (axes,) = call.axes
    every = attrs.evolve(axes, in_axes=(0,) * len(axes.in_axes), out_axes=0)
    mapped = transform_or_raise(transform.map, call.subject.function, axes)
    arguments = list(call.arguments(every))
    if more:
        size = {**call.sizes, "batch": call.sizes["batch"] + more[0]}
        arguments[-1] = attrs.evolve(call, sizes=size).arguments(every)[-1]
        says = (*says, *_shapes(arguments[-1]))
    got = attempt(mapped, *arguments)
    with attribute_to(call, MAP, tuple(arguments)):
        must_raise(got, ValueError, why, says)


def must_raise(got: Any, kind: type[Exception], why: str, says: tuple[str, ...] = ()) -> None:
    """Raise `Mismatch` unless a result is such an exception, whose message ``says`` one of those."""
    due = f"{kind.__name__}, since {why}"
    if not isinstance(got, Raised):
        raise Mismatch("accepted", f"it was accepted: {why}", due, "accepted")
    if not isinstance(got.error, kind):
        raise Mismatch("raised", f"expected {due}; it raised {got!r}", due, repr(got))
    if says and not any(each in str(got.error) for each in says):
        message = f"expected {due}, in words that have one of {', '.join(says)}; it says {got!r}"
        raise Mismatch("unnamed", message, due, repr(got), says=says)


def _shapes(argument: Any) -> tuple[str, ...]:
    """How the shapes of an argument's arrays may be written."""
    shapes = [leaf.shape for leaf in jax.tree_util.tree_leaves(argument)]
    return tuple(
        text for shape in shapes for text in (str(shape), str(list(shape)).replace(" ", ""))
    )


def _first(axes: Axes, axis: int | None) -> Axes:
    return attrs.evolve(axes, in_axes=(axis, *axes.in_axes[1:]))


def _or_single(transform: Transform, subject: FunctionSubject) -> str | None:
    if len(subject.arguments) < 2:
        return f"{subject.name} takes one argument, and this is of one among others"
    return takes_specs(transform, subject)


@law(
    "errors.axis-out-of-range",
    cases=_calls(lambda axes: _first(axes, BEYOND)),
    skip_if=takes_specs,
)
def an_axis_that_is_not_there_is_refused(transform: Transform, call: FunctionCall) -> None:
    """An axis in `in_axes` that an argument does not have raises ValueError, which names the axis."""
    _must_raise(transform, call, f"no argument has an axis {BEYOND}", (str(BEYOND),))


@law(
    "errors.out-axes-none",
    cases=_calls(lambda axes: attrs.evolve(axes, out_axes=None)),  # type: ignore[arg-type]
    skip_if=takes_specs,
)
def a_mapped_result_has_an_axis(transform: Transform, call: FunctionCall) -> None:
    """`out_axes=None` for a result that differs between examples raises ValueError, which says `out_axes`."""
    _must_raise(transform, call, "the result is not the same for every example", ("out_axes",))


def _nothing(axes: Axes) -> Axes:
    return attrs.evolve(axes, in_axes=(None,) * len(axes.in_axes))


@law("errors.nothing-mapped", cases=_calls(_nothing), skip_if=takes_specs)
def something_must_be_mapped(transform: Transform, call: FunctionCall) -> None:
    """A map of no argument, without `axis_size`, raises ValueError."""
    names = ("in_axes", "axis_size", "argument")
    _must_raise(transform, call, "nothing says how many examples there are", names)


def _told_otherwise(axes: Axes) -> Axes:
    return attrs.evolve(axes, options={"axis_size": MANY})


@law("errors.axis-size", cases=_calls(_told_otherwise), skip_if=takes_specs)
def what_is_told_must_be_so(transform: Transform, call: FunctionCall) -> None:
    """An `axis_size` that is not the size of the mapped axes raises ValueError, which says that size."""
    _must_raise(transform, call, f"no batch axis has {MANY} entries", (str(MANY),))


@law(
    "errors.sizes-disagree",
    cases=_calls(lambda axes: axes),
    skip_if=_or_single,
)
def sizes_must_agree(transform: Transform, call: FunctionCall) -> None:
    """Mapped arguments whose batch axes have different sizes raise ValueError, which shows a shape."""
    _must_raise(transform, call, "the arguments disagree about the number of examples", (), 1)


def by_name(function: Any) -> Any:
    """The function, whose last argument is given by its name; without that, it gives nothing."""

    def named(*others: Any, last: Any = None) -> Any:
        return None if last is None else function(*others, last)

    return named


BY_NAME = Recipe(
    "map of a function that is given an argument by its name",
    setup_code=lambda call: f"{inspect.getsource(by_name)}\n\nfunction = by_name(function)",
    axes=lambda axes: attrs.evolve(axes, in_axes=axes.in_axes[:-1]),
    result_code=lambda call: "got = mapped(*arguments[:-1], last=arguments[-1])",
)


@law("errors.keywords", cases=_calls(lambda axes: axes), skip_if=_or_single)
def what_is_given_by_name_counts(transform: Transform, call: FunctionCall) -> None:
    """An argument given by its name is mapped along its first axis, or TypeError: never left out."""
    mapped = transform_or_raise(
        transform.map, by_name(call.subject.function), BY_NAME.axes(call.axes[0])
    )
    (got,) = run_together(
        [lambda *arguments: mapped(*arguments[:-1], last=arguments[-1])],
        [call.arguments(call.axes[0])],
        transform.traceable and not call.eager,
    )
    if isinstance(got, Raised) and isinstance(got.error, TypeError):
        return
    with attribute_to(call, BY_NAME):
        assert_agrees(got, oracle.of_function(call))
