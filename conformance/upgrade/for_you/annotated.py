"""Variables that are annotated with a mesh's axes: a newer Flax lays them out as they are made."""

from collections.abc import Iterator, Sequence

from packaging.version import Version

from conformance.events.user_code import Operation
from conformance.upgrade.for_you.index import Uses
from conformance.upgrade.for_you.lines import Line
from conformance.upgrade.for_you.names import places
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.sources.annotated import ANNOTATED

_EAGER = Version("0.12.0")
"""The Flax since which a Variable with names of axes is refused where no mesh is; 0.11.2 makes it."""
_PROVIDING = ("jax.set_mesh", "jax.sharding.set_mesh", "jax.sharding.use_mesh")
_SENTENCE = (
    "with names of axes is made under a mesh alone since flax 0.12.0: enter it by jax.set_mesh(mesh), for "
    "which `with mesh:` is not enough, or give eager_sharding=False"
)


def made_without_a_mesh(
    operations: Sequence[Operation], uses: Uses, was: Side, now: Side
) -> Iterator[Line]:
    """A line on Variables with names of axes, where the sources enter no mesh as Flax asks for now.

    Args:
        operations: What the sources do.
        uses: The names that they use.
        was: The environment that the user has.
        now: The one they may move to.

    """
    old, new = was.versions.get("flax"), now.versions.get("flax")
    if not old or not new or not Version(old) < _EAGER <= Version(new):
        return
    # Where they enter one, or switch this off, that may be around what makes the Variables.
    provided = any(
        name in _PROVIDING or name.startswith(("flax.config", "flax.nnx.use_eager_sharding"))
        for name in uses
    )
    there = [each for each in operations if each.name == ANNOTATED]
    if there and not provided:
        yield Line("nnx.Variable", _SENTENCE, places(there), first_files=True)
