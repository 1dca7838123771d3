"""Calls that mean nothing."""

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import jax
import numpy as np
from hypothesis import strategies as st

from properties import oracle
from properties.applicability import takes_specs
from properties.batch_axes import front, sized
from properties.call import Axes, FunctionCall
from properties.compare import Mismatch, assert_agrees
from properties.joint_compile import run_together, transform_or_raise
from properties.law import attribute_to, law
from properties.profile import Profile
from properties.recipe import MAP, Recipe
from properties.sizes import some_call
from properties.strategies import FunctionCases, function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, attempt, read
from reference.types import PyTree

MANY = 97
"""More examples than any batch has."""
HALF = 0.5
"""What is no axis."""
BEYOND = 9
"""An axis that no argument and no result has."""
SEVERAL = 4
"""As many arguments tell a function that ignores them from one that rarely shows what it is given."""


def _calls(change: Callable[[Axes], Axes] = lambda axes: axes) -> FunctionCases:
    """Calls with every batch axis 0, and then with the axes that `change` makes of that."""
    cases = function_calls(front, front, most=1)

    def changed(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        calls = cases(transform, subject, attrs.evolve(profile, examples=1))
        return calls.map(lambda call: call.only(change(call.axes[0])))

    return changed


def _check_raises(
    transform: Transform,
    call: FunctionCall,
    why: str,
    says: tuple[str, ...],
    more_examples: int = 0,
    kind: type[Exception] = ValueError,
) -> None:
    """Check that making or calling the map raises ValueError, as `jax.vmap` documents by raising it.

    A map of the user's own may raise whatever it likes.

    Args:
        transform: What maps.
        call: A call that means nothing, with every batch axis 0.
        why: What is wrong with it.
        says: The message must contain one of these.
        more_examples: How many more examples the last argument has than the others.
        kind: Another class of exceptions that must be raised in place of ValueError.
    """
    (axes,) = call.axes
    leading = attrs.evolve(axes, in_axes=(0,) * len(axes.in_axes), out_axes=0)
    mapped = transform_or_raise(transform.map, call.subject.function, axes)
    arguments = list(call.arguments(leading))
    if more_examples:
        sizes = {**call.sizes, "batch": call.sizes["batch"] + more_examples}
        arguments[-1] = attrs.evolve(call, sizes=sizes).arguments(leading)[-1]
        says = (*says, *_shapes(arguments[-1]))
    if not transform.raises_as_documented:
        kind, says = Exception, ()
    got = attempt(mapped, *arguments)
    with attribute_to(call, MAP, tuple(arguments)):
        assert_raises(got, kind, why, says)


def assert_raises(got: PyTree, kind: type[Exception], why: str, says: tuple[str, ...] = ()) -> None:
    """Raise `Mismatch` unless a result is `Raised` with such an exception.

    Args:
        got: What `attempt` gave.
        kind: The class of the exception that is expected.
        why: What is wrong with the call.
        says: Where given, the exception's message must contain one of these.
    """
    expected = f"{kind.__name__}, since {why}"
    if not isinstance(got, Raised):
        message = f"it was accepted: {why}"
        raise Mismatch("accepted", message, expected, "accepted", due=kind.__name__)
    if not isinstance(got.error, kind):
        message = f"expected {expected}; it raised {got!r}"
        raise Mismatch("raised", message, expected, repr(got), due=kind.__name__, raised=got.error)
    if says and not any(each in str(got.error) for each in says):
        message = (
            f"expected {expected}, with one of {', '.join(says)} in its message; it says {got!r}"
        )
        raise Mismatch(
            *("unnamed", message, expected, repr(got)),
            says=says,
            due=kind.__name__,
            raised=got.error,
        )


def _shapes(argument: PyTree) -> tuple[str, ...]:
    """How the shapes of an argument's arrays may be written."""
    shapes = [leaf.shape for leaf in jax.tree_util.tree_leaves(argument)]
    return tuple(
        text for shape in shapes for text in (str(shape), str(list(shape)).replace(" ", ""))
    )


def _axis_beyond(axes: Axes) -> Axes:
    return attrs.evolve(axes, in_axes=(BEYOND, *axes.in_axes[1:]))


def _no_out_axes(axes: Axes) -> Axes:
    return attrs.evolve(axes, out_axes=None)  # type: ignore[arg-type] # no valid call has it


def _nothing_mapped(axes: Axes) -> Axes:
    return attrs.evolve(axes, in_axes=(None,) * len(axes.in_axes))


def _wrong_axis_size(axes: Axes) -> Axes:
    return attrs.evolve(axes, options={"axis_size": MANY})


def _no_other_argument(transform: Transform, subject: FunctionSubject) -> str | None:
    if len(sized(subject)) < 2:
        return f"{subject.name} takes one argument with arrays, and this is of one among others"
    return takes_specs(transform, subject)


def _nothing_in_first(transform: Transform, subject: FunctionSubject) -> str | None:
    if 0 not in sized(subject):
        return f"the first argument of {subject.name} has no arrays, which may have any axis"
    return takes_specs(transform, subject)


def _same_for_all(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why `out_axes=None` may be right: a user's function may give the same whatever it is given."""
    reason = takes_specs(transform, subject)
    if reason is not None or subject.own is None:
        return reason
    some = some_call(subject)
    given = [attrs.evolve(some, seed=seed).example() for seed in range(SEVERAL)]
    first, *others = [
        jax.tree_util.tree_leaves(read(attempt(subject.function, *each))) for each in given
    ]
    if all(np.all(a == b) for each in others for a, b in zip(first, each, strict=True)):
        return f"{subject.name} gives the same result whatever its arguments are"
    return None


@law("errors.axis-out-of-range", cases=_calls(_axis_beyond), skip_if=_nothing_in_first)
def axis_out_of_range(transform: Transform, call: FunctionCall) -> None:
    """An axis in `in_axes` that an argument does not have raises ValueError, which names the axis."""
    _check_raises(transform, call, f"no argument has an axis {BEYOND}", (str(BEYOND),))


@law("errors.out-axes-none", cases=_calls(_no_out_axes), skip_if=_same_for_all)
def out_axes_none(transform: Transform, call: FunctionCall) -> None:
    """`out_axes=None` for results that differ between examples raises ValueError, which names `out_axes`."""
    _check_raises(transform, call, "the result is not the same for every example", ("out_axes",))


@law("errors.nothing-mapped", cases=_calls(_nothing_mapped), skip_if=takes_specs)
def nothing_mapped(transform: Transform, call: FunctionCall) -> None:
    """A map of no argument, without `axis_size`, raises ValueError."""
    names = ("in_axes", "axis_size", "argument")
    _check_raises(transform, call, "nothing says how many examples there are", names)


@law("errors.axis-size", cases=_calls(_wrong_axis_size), skip_if=takes_specs)
def axis_size(transform: Transform, call: FunctionCall) -> None:
    """An `axis_size` other than the size of the mapped axes raises ValueError, which names that size."""
    _check_raises(transform, call, f"no batch axis has {MANY} entries", (str(MANY),))


OF_ANOTHER_FORM: tuple[tuple[str, type[Exception], Callable[[Axes], Axes]], ...] = (
    (
        "no argument is a tree of five",
        ValueError,
        lambda axes: attrs.evolve(axes, in_axes=((0,) * 5,) * len(axes.in_axes)),
    ),
    (
        f"the result is no tuple of {MANY}",
        ValueError,
        lambda axes: attrs.evolve(axes, out_axes=(0,) * MANY),  # type: ignore[arg-type]
    ),
    (
        "an axis is an integer or None",
        TypeError,
        lambda axes: attrs.evolve(axes, in_axes=(HALF,) * len(axes.in_axes)),
    ),
    (
        "an axis is an integer or None",
        TypeError,
        lambda axes: attrs.evolve(axes, out_axes="first"),  # type: ignore[arg-type]
    ),
)
"""Why axes mean nothing, what they raise, and the change that makes such axes of others."""


@law(
    "errors.axes-of-another-form",
    tier="derived",
    cases=_calls(),
    skip_if=takes_specs,
    where=lambda subject: subject.name in ("square", "mlp-loss"),
)
def axes_of_another_form(transform: Transform, call: FunctionCall) -> None:
    """Axes that are no prefix of the trees raise ValueError, and what is no integer raises TypeError."""
    for why, kind, change in OF_ANOTHER_FORM:
        # Flax finds them before JAX does, in words of its own.
        _check_raises(transform, call.only(change(call.axes[0])), why, (), kind=kind)


@law("errors.sizes-disagree", cases=_calls(), skip_if=_no_other_argument)
def sizes_disagree(transform: Transform, call: FunctionCall) -> None:
    """Mapped arguments whose batch axes have different sizes raise ValueError, which shows a shape."""
    why = "the arguments disagree about the number of examples"
    _check_raises(transform, call, why, says=(), more_examples=1)


def by_name(function: Any) -> Any:
    """The function with its last argument given by name; without that argument it returns None."""

    def named(*others: Any, last: Any = None) -> Any:
        return None if last is None else function(*others, last)

    return named


BY_NAME = Recipe(
    "map of a function that is given an argument by its name",
    setup_code=lambda call: f"{inspect.getsource(by_name)}\n\nfunction = by_name(function)",
    axes=lambda axes: attrs.evolve(axes, in_axes=axes.in_axes[:-1]),
    result_code=lambda call: "got = mapped(*arguments[:-1], last=arguments[-1])",
)


def _one_axis_calls(
    transform: Transform, subject: FunctionSubject, profile: Profile
) -> st.SearchStrategy[FunctionCall]:
    """Calls whose arguments by position are mapped along one axis, 0 or 1, and that by name along 0."""

    def moved(call: FunctionCall) -> FunctionCall:
        *others, _ = call.example()
        ranks = [np.ndim(leaf) for leaf in jax.tree_util.tree_leaves(others)]
        if not call.seed % 2 or not all(ranks):
            return call
        (axes,) = call.axes
        return call.only(attrs.evolve(axes, in_axes=(1,) * len(others) + axes.in_axes[-1:]))

    return _calls()(transform, subject, profile).map(moved)


@law("errors.keywords", cases=_one_axis_calls, skip_if=_no_other_argument)
def keywords(transform: Transform, call: FunctionCall) -> None:
    """A keyword argument is mapped along its first axis, or raises TypeError; it is never ignored."""
    mapped = transform_or_raise(
        transform.map, by_name(call.subject.function), BY_NAME.axes(call.axes[0])
    )
    (got,) = run_together(
        [lambda *arguments: mapped(*arguments[:-1], last=arguments[-1])],
        [call.arguments(call.axes[0])],
        transform.traceable and not call.eager,
    )
    refused = TypeError if transform.raises_as_documented else Exception
    if isinstance(got, Raised) and isinstance(got.error, refused):
        return
    with attribute_to(call, BY_NAME):
        assert_agrees(got, oracle.of_function(call))
