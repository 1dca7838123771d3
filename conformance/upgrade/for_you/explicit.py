"""Which files may have arrays over the Explicit axes of a mesh: what is about these concerns no other.

All that fails there is said in one line, and all that gives something else in another: who has such a mesh
meets most of it, in code that the text does not show.
"""

from collections.abc import Iterator, Sequence

from packaging.version import Version

from conformance.events.user_code import Use
from conformance.upgrade.causes import causes
from conformance.upgrade.detectors import failures, laws
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.index import Uses
from conformance.upgrade.for_you.lines import Line, some
from conformance.upgrade.for_you.names import gives_arguments, places

_OF_EXPLICIT = frozenset({"Explicit", "explicit_axes", "reshard"})
"""Names that no code without Explicit axes uses."""
_KINDS = frozenset({"Auto", "Explicit", "Manual"})
_BY_DEFAULT = Version("0.9.0")
"""The JAX since which the axes of `jax.make_mesh` are Explicit where the call does not say."""
_FORMS = ("traced-", "explicit-", "gradient-", "own-")
"""How the names of cases begin that are of one function over such a mesh."""
Concerned = tuple[str, Sequence[Difference], Sequence[Use]]
"""A name that the sources use, what changed of it, and where it is used so."""


def is_about_explicit(entry: Difference) -> bool:
    """Whether a difference is of arrays over Explicit axes, and of no others."""
    return "explicit" in entry.key


def explicit_files(uses: Uses, jax: str | None) -> frozenset[str]:
    """The files that may have Explicit axes in the environment the user has.

    Args:
        uses: The uses of each name.
        jax: The release of JAX there; None where it is not known.

    """
    found: set[str] = set()
    kinds: set[str] = set()
    told: set[str] = set()
    by_default = jax is None or Version(jax) >= _BY_DEFAULT
    for name, mine in uses.items():
        last = name.rpartition(".")[2]
        files = {use.file for use in mine}
        if last in _KINDS and ".AxisType." in name:
            told |= files
        if last in _OF_EXPLICIT:
            found |= files
        elif last == "AxisType":
            kinds |= files
        elif last == "make_mesh" and by_default:
            found |= {
                use.file
                for use in mine
                if gives_arguments(use) and "axis_types" not in use.keywords
            }
    # Of a kind that the text does not name, any may be meant.
    return frozenset(found | (kinds - told))


def in_few_lines(concerned: Sequence[Concerned]) -> Iterator[tuple[Line, tuple[str, ...]]]:
    """A line on what fails over Explicit axes, and one on what gives something else.

    Args:
        concerned: What changed, all of it about Explicit axes.

    """
    failing = [each for each in concerned if _fails(each[1][0])]
    others = [each for each in concerned if not _fails(each[1][0])]
    for mine, verb in ((failing, "fail"), (others, "give something else")):
        if not mine:
            continue
        entries = [entry for _, of_name, _ in mine for entry in of_name]
        uses = [use for _, _, called in mine for use in called]
        there = places(sorted(uses, key=lambda use: (use.file, use.line)))
        cases = some([_case(entry) for entry in entries])
        first = causes(entries[:1])[0].sentence.splitlines()[0]
        said = f"over the Explicit axes of a mesh {cases} {verb} now, the first: {first}"
        keys = tuple(entry.key for entry in entries)
        yield Line(some([name for name, _, _ in mine]), said, there, first_files=True), keys


def _fails(entry: Difference) -> bool:
    return entry.kind in laws.KINDS or entry.kind is failures.FAILS


def _case(entry: Difference) -> str:
    """What is done, such as `sort`."""
    last = entry.key.split(" | ")[2] if " | " in entry.key else entry.key.rpartition("/")[2]
    for form in _FORMS:
        last = last.removeprefix(form)
    return last
