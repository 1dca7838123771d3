"""Which files may have arrays over the Explicit axes of a mesh: what is about these concerns no other."""

from collections.abc import Mapping, Sequence

from packaging.version import Version

from conformance.events.user_code import Use
from conformance.upgrade.difference import Difference

_OF_EXPLICIT = frozenset({"Explicit", "explicit_axes", "reshard"})
"""Names that no code without Explicit axes uses."""
_KINDS = frozenset({"Auto", "Explicit", "Manual"})
_BY_DEFAULT = Version("0.9.0")
"""The JAX since which the axes of `jax.make_mesh` are Explicit where the call does not say."""


def is_about_explicit(entry: Difference) -> bool:
    """Whether a difference is of arrays over Explicit axes, and of no others."""
    return "explicit" in entry.key


def explicit_files(uses: Mapping[str, Sequence[Use]], jax: str | None) -> frozenset[str]:
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
            found |= {use.file for use in mine if _calls(use) and "axis_types" not in use.keywords}
    # Of a kind that the text does not name, any may be meant.
    return frozenset(found | (kinds - told))


def _calls(use: Use) -> bool:
    return bool(use.positional or use.keywords)
