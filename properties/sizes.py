"""The sizes of a call's dimensions: a small pool for each subject, since JAX compiles for every shape."""

import random

from properties.call import FunctionCall
from properties.profile import Profile
from properties.subject import AXIS, FunctionSubject, Subject, dims

FAMILIES = ("distinct", "square", "one-example", "one-wide")
"""`distinct`: no size twice, so that no transposed axis hides; `square`: every size that of the
batch, so that a size read off the wrong axis shows; `one-example`: a batch of one; `one-wide`:
every other dimension is one."""

TURNS = 4
"""How many sizes of each family there are."""


def sizes(
    subject: Subject, family: str, turn: int, max_batch_size: int | None = None
) -> dict[str, int]:
    """The size of each of the subject's dimensions, and of `batch` (3 or more where not one).

    The batch is no larger than `max_batch_size`. What a subject demands of a dimension (an even
    `width`, say) comes before what the family wants.
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

    The profile's seed chooses them, the same for every law, so that laws share compilations, and the
    batch the same for every subject, so that subjects share those of single operations. The first is of
    distinct sizes.
    """
    turns = list(range(TURNS))
    random.Random(f"{profile.seed}/turns").shuffle(turns)
    chance = random.Random(f"{profile.seed}/{subject.name}")
    first, rest = ("distinct", turns[0]), []
    for turn in turns:
        families = [family for family in FAMILIES if (family, turn) != first]
        chance.shuffle(families)
        rest += [(family, turn) for family in families]
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


def some_call(subject: FunctionSubject) -> FunctionCall:
    """A call of the subject, for its shapes."""
    return FunctionCall(subject.name, sizes(subject, "distinct", 0), (), subject.dtypes[0])
