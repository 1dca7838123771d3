"""Strategies for calls: sizes from small pools, axes exhaustively, values and seeds freely.

One call has many combinations of axes, which are traced into one compilation.
"""

import functools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from hypothesis import strategies as st

from properties.batch_axes import (
    Positions,
    anywhere,
    combinations,
    covering,
    ensemble_axes,
    with_few_masks,
)
from properties.call import Axes, FunctionCall, ModuleCall
from properties.profile import Profile
from properties.sizes import pool
from properties.subject import AXIS, FunctionSubject, ModuleSubject, Subject, dims
from properties.transform import Transform

SEEDS = range(2**31)
DIGIT = 64
"""The base in which large indices are drawn, digit by digit."""
LARGEST_KEY = 2**31 - 9
"""Each stream's key is the one after that of the stream before it."""
LARGEST_SQUARE = 16
"""The largest dimension that a batch is made as large as."""
HALF = 0.5

EAGER_COMBINATIONS = 5
"""As many as quick traces together: where its one call is eager, no less of a rule is seen."""
EAGER = (*[False] * 15, True)
"""Users also call transforms eagerly. It costs a compilation per operation, so a sample must do."""
BOTH = (False, True)


def one_of(
    what: str, choices: Sequence[Any], subject: Subject, profile: Profile
) -> st.SearchStrategy[Any]:
    """One of the choices of `what`.

    Hypothesis tries the first choice first, and no other where one call is drawn. The profile's seed
    decides which is first, the same for every law of a subject, so that laws share compilations.
    """
    among, first = len(choices), _first(what, len(choices), subject, profile)
    return indices(among).map(lambda n: choices[(first + n) % among])


def _first(what: str, among: int, subject: Subject, profile: Profile) -> int:
    """Which of the choices Hypothesis tries first."""
    return random.Random(f"{profile.seed}/{subject.name}/{what}").randrange(among)


# Hypothesis validates each strategy once, however often it is drawn from.
@functools.cache
def indices(among: int) -> st.SearchStrategy[int]:
    """Integers from 0 to among - 1, drawn by the seed alone.

    Where an integer may be 100 or more, Hypothesis also draws those that it finds in the source of the
    modules that are loaded: the calls would depend on the user's files and on how this is installed.
    """
    if among <= DIGIT:
        return st.integers(0, among - 1)
    count = math.ceil(math.log(among, DIGIT))
    digits = st.tuples(*[st.integers(0, DIGIT - 1)] * count)
    return digits.map(lambda drawn: functools.reduce(lambda n, d: DIGIT * n + d, drawn) % among)


def _chooser(draw: Any, subject: Subject, profile: Profile) -> Callable[[str, Sequence[Any]], Any]:
    def choose(what: str, choices: Sequence[Any]) -> Any:
        # As `one_of` does, without a strategy of its own for each choice.
        first = _first(what, len(choices), subject, profile)
        return choices[(first + draw(indices(len(choices)))) % len(choices)]

    return choose


FunctionCases = Callable[[Transform, FunctionSubject, Profile], st.SearchStrategy[FunctionCall]]
ModuleCases = Callable[[Transform, ModuleSubject, Profile], st.SearchStrategy[ModuleCall]]


def function_calls(
    inward: Positions = anywhere,
    outward: Positions = anywhere,
    unmapped: str = "none",
    masks: int | None = None,
    most: int | None = None,
    batches: Sequence[int] | None = None,
) -> FunctionCases:
    """A strategy factory for calls of a function, batch axes where `inward` and `outward` say.

    `masks` is the most choices of what is mapped in one call, `most` the most combinations of
    axes; `batches` are the sizes of the batch where they are not the pool's.
    """

    def cases(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        every = combinations(subject, inward, outward, unmapped)
        # What cannot be traced together is compiled one by one.
        at_once = profile.combinations // (1 if transform.traceable else 3)
        at_once = min(at_once, subject.most_axes or at_once)
        sets = pool(subject, profile, transform.max_batch_size())
        if batches is not None:
            sets = [{**chosen, AXIS: batch} for chosen in sets for batch in batches]
        return _function_calls(subject, every, sets, min(at_once, most or at_once), masks, profile)

    return cases


def with_explicit_axis_size(cases: FunctionCases) -> FunctionCases:
    """The calls of `cases`, of which two combinations of axes say how many examples there are.

    The last one of several is given `axis_size` beside its mapped arguments. One more maps nothing, so
    that `axis_size` alone says it.
    """

    def with_size(call: FunctionCall) -> FunctionCall:
        *others, last = call.axes
        size = call.sizes[AXIS]
        nothing = Axes(
            (None,) * len(last.in_axes), call.axes[0].out_axes, options={"axis_size": size}
        )
        stated = last.batch if last.batch is not None else size
        both = attrs.evolve(last, options={"axis_size": stated}) if others else last
        return attrs.evolve(call, axes=(*others, both, nothing))

    def more(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        calls = cases(transform, subject, profile)
        return calls.map(with_size) if transform.accepts_axis_size_only else calls

    return more


def with_other_batches(
    cases: FunctionCases, others: Callable[[FunctionCall], Sequence[int]] | None = None
) -> FunctionCases:
    """The calls of `cases`, the last combinations of axes of each with other numbers of examples.

    Those are what `others` gives of the call: where it is None, one example and as many as another
    dimension has. The seed decides which combination has which. One example's shapes stay as they
    are, so that all combinations have one reference. A map over devices keeps its batch, since one
    compilation has one number of devices, and so does a subject whose author wants certain batches.
    """

    def resized(call: FunctionCall) -> FunctionCall:
        sizes = list((others or _one_and_square)(call))
        kept = len(call.axes) - len(sizes)
        if kept < 1:
            return call
        chance = random.Random(call.seed)
        chance.shuffle(sizes)
        last = [
            # One example in the way that the call begins with, or in another.
            attrs.evolve(call.axes[0] if size == 1 and chance.random() < HALF else axes, batch=size)
            for axes, size in zip(call.axes[kept:], sizes, strict=True)
        ]
        return attrs.evolve(call, axes=(*call.axes[:kept], *last))

    def more(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        calls = cases(transform, subject, profile)
        wanted = subject.own.batch_sizes if subject.own else ()
        fixed = transform.max_batch_size() is not None or wanted
        return calls if fixed else calls.map(resized)

    return more


def with_an_empty_dimension(cases: FunctionCases) -> FunctionCases:
    """The calls of `cases`, with one dimension of each example of size zero: the seed says which."""

    def emptied(call: FunctionCall) -> FunctionCall:
        dimension = random.Random(call.seed).choice(dims(call.subject))
        return attrs.evolve(call, sizes={**call.sizes, dimension: 0})

    return lambda transform, subject, profile: cases(transform, subject, profile).map(emptied)


def _one_and_square(call: FunctionCall) -> list[int]:
    """A batch of one, and one as large as another dimension that is neither one nor large."""
    batch = call.sizes[AXIS]
    dimensions = [n for name, n in call.sizes.items() if 1 < n <= LARGEST_SQUARE and n != batch]
    square = random.Random(call.seed).sample(dimensions, 1) if dimensions else []
    return [size for size in (1, *square) if size != batch]


# Hypothesis reads the source of what it makes composite: once will do.
@st.composite
def _function_calls(
    draw: Any,
    subject: FunctionSubject,
    every: Sequence[Axes],
    sets: Sequence[dict[str, int]],
    most: int,
    masks: int | None,
    profile: Profile,
) -> FunctionCall:
    choose = _chooser(draw, subject, profile)
    seed = choose("seed", SEEDS)
    eager = choose("eager", EAGER)
    several = min(EAGER_COMBINATIONS, most) if eager else most
    return FunctionCall(
        subject.name,
        draw(st.sampled_from(sets)),
        covering(with_few_masks(every, masks, seed), several, seed),
        choose("dtype", subject.dtypes),
        seed,
        edge_values=subject.edge_values and choose("special", BOTH),
        eager=eager,
    )


def module_calls(
    inward: Positions = anywhere,
    outward: Positions = anywhere,
    unmapped: str = "any",
    most: int = 4,
    ensemble: bool | None = False,
) -> ModuleCases:
    """A strategy factory for calls of a module, with shared parameters or as an `ensemble`.

    Where `ensemble` is None, calls are of the one or the other kind.
    An ensemble's parameters are stacked along any axis that the smallest of them has. Other
    collections are mapped in front; streams other than `params` are split or not.
    """

    def cases(
        transform: Transform, subject: ModuleSubject, profile: Profile
    ) -> st.SearchStrategy[ModuleCall]:
        every = combinations(subject, inward, outward, unmapped)
        sets = pool(subject, profile, transform.max_batch_size())
        return _module_calls(
            subject, every, sets, min(most, profile.combinations), profile, ensemble
        )

    return cases


def or_shared_inputs(cases: ModuleCases) -> ModuleCases:
    """The calls of `cases`, some with inputs that are the same for all members of the ensemble.

    No input is mapped there, so that `axis_size` says how many members there are.
    """

    def share(call: ModuleCall, shared: bool) -> ModuleCall:
        if not shared:
            return call
        axes = Axes((None,) * len(call.axes[0].in_axes), call.axes[0].out_axes)
        return attrs.evolve(call, axes=(axes,), options={"axis_size": call.size})

    def more(
        transform: Transform, subject: ModuleSubject, profile: Profile
    ) -> st.SearchStrategy[ModuleCall]:
        calls = cases(transform, subject, profile)
        if not transform.accepts_axis_size_only:
            return calls
        return st.builds(share, calls, one_of("shared inputs", BOTH, subject, profile))

    return more


@st.composite
def _module_calls(
    draw: Any,
    subject: ModuleSubject,
    every: Sequence[Axes],
    sets: Sequence[dict[str, int]],
    most: int,
    profile: Profile,
    ensemble: bool | None,
) -> ModuleCall:
    choose = _chooser(draw, subject, profile)
    seed, init_jitted = choose("seed", SEEDS), choose("flipped", EAGER)
    call = ModuleCall(
        subject.name,
        draw(st.sampled_from(sets)),
        covering(every, 1 if init_jitted else most, seed),
        {name: None if name == "params" else 0 for name in subject.collections},
        {name: name != "params" and choose(name, BOTH) for name in subject.streams},
        key=choose("key", (0, 1, LARGEST_KEY, seed % LARGEST_KEY)),
        typed_keys=choose("typed", BOTH),
        seed=seed,
        init_jitted=init_jitted,
    )
    if ensemble is None:
        ensemble = "params" in subject.collections and choose("either", BOTH)
    return call.ensemble(choose("ensemble", ensemble_axes(subject, "params"))) if ensemble else call
