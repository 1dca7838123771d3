"""Strategies for calls: shapes from small pools, axes exhaustively, values and seeds freely.

JAX compiles for every new shape, so sizes come from a pool; one call then carries many combinations
of axes, traced into one compilation.
"""

import functools
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import jax
from hypothesis import strategies as st

from properties.call import Axes, FunctionCall, ModuleCall
from properties.oracle import output_ranks
from properties.profile import Profile
from properties.subject import AXIS, FunctionSubject, ModuleSubject, Subject, dims
from properties.transform import Transform
from properties.trees import Raised

FAMILIES = ("distinct", "square", "one-example", "one-wide")
"""``distinct``: no size twice, so that no transposed axis hides; ``square``: every size that of the
batch, so that a size read off the wrong axis shows; ``one-example``: a batch of one; ``one-wide``:
every other dimension is one."""

TURNS = 4
"""How many sizes of each family there are."""

SEEDS = range(2**31)
LARGEST_KEY = 2**31 - 9
"""Each stream's key is the one after that of the stream before it."""

EAGER_COMBINATIONS = 5
"""As many as quick traces together: where its one call is eager, no less of a rule is seen."""
EAGER = (*[False] * 7, True)
"""Users also call transforms eagerly. It costs a compilation per operation, so a sample must do."""
BOTH = (False, True)
ENSEMBLE_AXES = (0, 1, -1, -2)


def sizes(
    subject: Subject, family: str, turn: int, max_batch_size: int | None = None
) -> dict[str, int]:
    """The size of each of the subject's dimensions, and of ``batch`` (3 or more where not one).

    With ``largest``, the batch is no larger. What a subject demands of a dimension (an even
    ``width``, say) comes before what the family wants.
    """
    batch = (3, 4, 5, 8)[turn % TURNS]
    if family == "one-example":
        batch = 1
    if max_batch_size is not None:
        batch = min(batch, max_batch_size)
    others = [n for n in (2, 3, 4, 5, 6, 7, 8, 9) if n != batch][turn % TURNS :]
    chosen = {"batch": batch}
    for name in dims(subject):
        if family == "square":
            chosen[name] = batch
        elif family == "one-wide":
            chosen[name] = 1
        else:
            chosen[name] = others.pop(0)
    if "width" in chosen:
        # Attention heads divide the width.
        chosen["width"] = 2 * max(1, chosen["width"])
        while family != "square" and list(chosen.values()).count(chosen["width"]) > 1:
            chosen["width"] += 2
    if chosen.get("vocabulary") == 1:
        # Releases of Flax disagree about what an embedding of a single row does.
        chosen["vocabulary"] = 2
    return chosen


def pool(
    subject: Subject, profile: Profile, max_batch_size: int | None = None
) -> list[dict[str, int]]:
    """The sets of sizes that a run's calls of a subject may have.

    The profile's seed chooses them, the same for every law, so that laws share compilations; the
    first is of distinct sizes.
    """
    chance = random.Random(f"{profile.seed}/{subject.name}")
    every = [(family, turn) for turn in range(TURNS) for family in FAMILIES]
    chance.shuffle(every)
    every.sort(key=lambda choice: choice[0] != "distinct")
    first, rest = every[0], every[1:]
    chance.shuffle(rest)
    chosen = [
        sizes(subject, *choice, max_batch_size) for choice in (first, *rest)[: profile.shapes]
    ]
    return _of_batch_sizes(subject, chosen, max_batch_size)


def _of_batch_sizes(
    subject: Subject, chosen: list[dict[str, int]], most: int | None
) -> list[dict[str, int]]:
    """The same with the sizes of the batch that the subject's author wants, each at least once."""
    wanted = subject.own.batch_sizes if subject.own else ()
    fitting = [size for size in wanted if most is None or size <= most]
    if not fitting:
        return chosen
    count = max(len(fitting), len(chosen))
    return [{**chosen[i % len(chosen)], AXIS: fitting[i % len(fitting)]} for i in range(count)]


def covering(combinations: Sequence[Axes], most: int, seed: int) -> tuple[Axes, ...]:
    """At most ``most`` combinations, every position of every argument among them while they last."""
    shuffled = list(combinations)
    random.Random(seed).shuffle(shuffled)
    chosen: list[Axes] = []
    seen: set[tuple[int, Any]] = set()

    def slots(axes: Axes) -> set[tuple[int, Any]]:
        return set(enumerate((*axes.in_axes, axes.out_axes)))

    for axes in shuffled:
        if len(chosen) < most and slots(axes) - seen:
            chosen.append(axes)
            seen |= slots(axes)
    rest = [axes for axes in shuffled if axes not in chosen]
    return tuple(chosen + rest[: most - len(chosen)])


def _with_few_masks(combinations: Sequence[Axes], most: int | None, seed: int) -> Sequence[Axes]:
    """Those of at most ``most`` choices of what is mapped and what is not."""
    if most is None:
        return combinations
    masks = sorted({axes.leading.in_axes for axes in combinations}, key=repr)
    kept = random.Random(seed).sample(masks, min(most, len(masks)))
    return [axes for axes in combinations if axes.leading.in_axes in kept]


def one_of(
    what: str, choices: Sequence[Any], subject: Subject, profile: Profile
) -> st.SearchStrategy[Any]:
    """One of the choices of ``what``.

    Hypothesis tries the first choice first, and no other where one call is drawn. Which is first, the
    profile's seed says, the same for every law of a subject, so that laws share compilations.
    """
    among = len(choices)
    first = random.Random(f"{profile.seed}/{subject.name}/{what}").randrange(among)
    return st.integers(0, among - 1).map(lambda n: choices[(first + n) % among])


def _chooser(draw: Any, subject: Subject, profile: Profile) -> Callable[[str, Sequence[Any]], Any]:
    return lambda what, choices: draw(one_of(what, choices, subject, profile))


@functools.cache
def _ranks(subject: FunctionSubject | ModuleSubject) -> tuple[tuple[int, ...], int]:
    """The least rank among the leaves of each argument, and of the result."""
    some = sizes(subject, "distinct", 0)
    if isinstance(subject, FunctionSubject):
        trees: Sequence[Any] = subject.arguments
        call: Any = some_call(subject)
    else:
        trees = subject.inputs
        call = ModuleCall(
            subject.name,
            some,
            (),
            dict.fromkeys(subject.collections),
            dict.fromkeys(subject.streams, False),
        )
    least = [min(len(a.dims) for a in jax.tree_util.tree_leaves(tree)) for tree in trees]
    return tuple(least), min(output_ranks(call))


def some_call(subject: FunctionSubject) -> FunctionCall:
    """A call of the subject, for its shapes."""
    return FunctionCall(subject.name, sizes(subject, "distinct", 0), (), subject.dtypes[0])


@functools.cache
def unavailable(subject: Subject) -> str | None:
    """Why this release cannot do what a subject of the catalogue does, unmapped; None where it can."""
    if not isinstance(subject, FunctionSubject) or subject.kind not in ("rule", "draw"):
        return None
    try:
        example = some_call(subject).example()
        jax.eval_shape(subject.function, *example)
        if jax.default_backend() != "cpu":
            # Some primitives have no lowering but the CPU's.
            jax.jit(subject.function).lower(*example)
    except Exception as refused:
        return f"jax {jax.__version__} does not do it unmapped: {Raised(refused)!r}"
    return None


def single_argument(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why a law about arguments that are not mapped has nothing to say of the subject."""
    if len(subject.arguments) > 1:
        return None
    return f"{subject.name} takes one argument, and a map needs one that is mapped"


def takes_specs(transform: Transform, subject: Subject) -> str | None:
    """Why a law about how axes are written has nothing to say of the transform."""
    if transform.name != "jax.shard_map":
        return None
    return "shard_map takes specs, not axes: how those are written is this suite's translation"


Positions = Callable[[int], Sequence[int]]
FunctionCases = Callable[[Transform, FunctionSubject, Profile], st.SearchStrategy[FunctionCall]]


def front(rank: int) -> Sequence[int]:
    return (0,)


def anywhere(rank: int) -> Sequence[int]:
    return range(rank + 1)


def from_the_end(rank: int) -> Sequence[int]:
    return range(-rank - 1, 0)


def _allowed(subject: Subject, positions: Positions) -> Positions:
    """Of the positions, those that the subject's author allows; the front where there is none."""
    axes = subject.own.axes if subject.own else None
    if axes is None:
        return positions
    return lambda rank: [axis for axis in positions(rank) if axis in axes] or [0]


def combinations(
    subject: FunctionSubject | ModuleSubject,
    inward: Positions,
    outward: Positions,
    unmapped: str = "none",
) -> list[Axes]:
    """Every combination of axes. ``unmapped`` says whether arguments may be left unmapped: in
    ``none`` of them none is, in ``some`` at least one is, ``any`` allows both."""
    ranks, out_rank = _ranks(subject)
    inward, outward = _allowed(subject, inward), _allowed(subject, outward)
    choices = [
        (*inward(rank), *((None,) if unmapped != "none" and len(ranks) > 1 else ()))
        for rank in ranks
    ]
    name = AXIS if getattr(subject, "kind", "") == "collective" else None
    return [
        Axes(in_axes, out_axes, name)
        for in_axes in itertools.product(*choices)
        for out_axes in outward(out_rank)
        if any(axis is not None for axis in in_axes) and (unmapped != "some" or None in in_axes)
    ]


def function_calls(
    inward: Positions = anywhere,
    outward: Positions = anywhere,
    unmapped: str = "none",
    masks: int | None = None,
    most: int | None = None,
    batches: Sequence[int] | None = None,
) -> FunctionCases:
    """A strategy factory for calls of a function, batch axes where ``inward`` and ``outward`` say.

    ``masks`` is the most choices of what is mapped in one call, ``most`` the most combinations of
    axes; ``batches`` are the sizes of the batch where they are not the pool's.
    """

    def cases(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        every = combinations(subject, inward, outward, unmapped)
        # What cannot be traced together is compiled one by one.
        at_once = profile.combinations // (1 if transform.traceable else 3)
        sets = pool(subject, profile, transform.max_batch_size())
        if batches is not None:
            sets = [{**chosen, AXIS: batch} for chosen in sets for batch in batches]
        return _function_calls(subject, every, sets, min(at_once, most or at_once), masks, profile)

    return cases


def also_told(cases: FunctionCases) -> FunctionCases:
    """The calls of ``cases``, and in each of them one combination of axes that maps nothing: the
    transform is told ``axis_size``."""

    def told(call: FunctionCall) -> FunctionCall:
        first = call.axes[0]
        nothing = (None,) * len(first.in_axes)
        size = {"axis_size": call.sizes[AXIS]}
        return attrs.evolve(call, axes=(*call.axes, Axes(nothing, first.out_axes, options=size)))

    def more(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> st.SearchStrategy[FunctionCall]:
        calls = cases(transform, subject, profile)
        return calls.map(told) if transform.accepts_axis_size_only else calls

    return more


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
        covering(_with_few_masks(every, masks, seed), several, seed),
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
) -> Callable[[Transform, ModuleSubject, Profile], st.SearchStrategy[ModuleCall]]:
    """A strategy factory for calls of a module, with shared parameters or as an ``ensemble`` (None: the
    one or the other).

    An ensemble's parameters are stacked along any axis that the smallest of them has. Other
    collections are mapped in front; streams other than ``params`` are split or not.
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


def ensemble_axes(subject: ModuleSubject, *collections: str) -> Sequence[int]:
    """Of `ENSEMBLE_AXES`, those along which all variables of the collections can be stacked."""
    rank = min((subject.ranks.get(name, 1) for name in collections), default=1)
    return tuple(axis for axis in ENSEMBLE_AXES if -rank - 1 <= axis <= rank)
