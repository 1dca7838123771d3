"""What the user's sources draw from the default PRNG, where the same keys give other numbers now."""

from collections.abc import Iterator, Sequence

from conformance.events.user_code import Use
from conformance.upgrade.detectors.streams import CHANGED, PARTITIONABLE
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.index import Uses
from conformance.upgrade.for_you.lines import Line
from conformance.upgrade.for_you.names import places
from conformance.upgrade.for_you.packages import Side

_OF_KEYS = frozenset(
    {"key", "PRNGKey", "key_data", "wrap_key_data", "key_impl", "fold_in", "clone"}
)
"""Functions of `jax.random` that give no numbers that are drawn."""


def of_flag(uses: Uses, was: Side, now: Side) -> Iterator[Line]:
    """A line where the sources draw, and Threefry draws the other of its two streams now.

    Args:
        uses: The names that the sources use.
        was: The environment that the user has.
        now: The one they may move to.

    """
    flags = was.threefry_partitionable, now.threefry_partitionable
    is_threefry = was.prng == now.prng and (now.prng or "").startswith("threefry")
    drawing = _drawing(uses)
    if is_threefry and None not in flags and flags[0] != flags[1] and drawing:
        yield _line(drawing, PARTITIONABLE.format(old=flags[0]))


def observed(
    uses: Uses, prng: str | None, entries: Sequence[Difference], known: Sequence[Line]
) -> tuple[list[Line], set[str]]:
    """A line where the sources draw from a PRNG whose draws were seen to differ, with the difference's key.

    Args:
        uses: The names that the sources use.
        prng: The default PRNG.
        entries: What differs.
        known: Lines that are told already; none of them is given.

    """
    drawing = _drawing(uses)
    mine = [each for each in entries if each.kind is CHANGED and each.key == f"prng/{prng}"]
    if not drawing or not mine:
        return [], set()
    lines = [_line(drawing, each.remedy) for each in mine]
    return [line for line in lines if line not in known], {each.key for each in mine}


def _line(drawing: Sequence[Use], remedy: str) -> Line:
    said = f"the same keys give other numbers. {remedy}"
    return Line("jax.random", said, places(drawing), first_files=True)


def _drawing(uses: Uses) -> list[Use]:
    """Where the sources may draw; nowhere if they set how Threefry draws, and have provided for it."""
    if "jax.config.jax_threefry_partitionable" in uses:
        return []
    # A key alone, and what is folded into it, are as before; a file of Flax draws by its layers.
    drawn = {use.file for name, mine in uses.items() if _draws(name) for use in mine}
    return [
        use
        for name, mine in uses.items()
        if name.startswith("jax.random.") or name == "flax.nnx.Rngs"
        for use in mine
        if use.file in drawn
    ]


def _draws(name: str) -> bool:
    """Whether code with a name may draw numbers from a key."""
    of_random = name.startswith("jax.random.") and name.rpartition(".")[2] not in _OF_KEYS
    return of_random or name.startswith("flax.")
