"""Whether a law that regressed may concern code that uses certain names of JAX and Flax."""

import fnmatch
from collections.abc import Collection, Mapping, Sequence

from conformance.events.user_code import Use

_DERIVATIVES = frozenset(
    {"grad", "value_and_grad", "vjp", "jvp", "jacfwd", "jacrev", "hessian", "linearize"}
)
_MESHES = frozenset(
    {
        *("Mesh", "make_mesh", "set_mesh", "use_mesh", "AxisType", "shard_map"),
        *("NamedSharding", "PartitionSpec", "P"),
    }
)
_NEEDS: Mapping[str, frozenset[str]] = {
    "collectives.gradients": _DERIVATIVES,
    "gradients.*": _DERIVATIVES,
    "parallel.explicit-mesh": _MESHES,
    "parallel.placed-within": _MESHES,
    "parallel.shard-map-within": _MESHES,
    "parallel.sharded-jit-agrees": _MESHES,
    "sharing.gradients": _DERIVATIVES,
    "sharing.metadata": frozenset({"with_partitioning", "with_logical_partitioning", *_MESHES}),
}
"""By law, or a glob over laws: names, of which code that the law is about uses one."""
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "axes.*": frozenset({"in_axes", "out_axes"}),
    "mapping.axis-size": frozenset({"axis_size"}),
    "parallel.devices": frozenset({"devices"}),
    "parallel.donated-and-static": frozenset({"donate_argnums", "static_broadcasted_argnums"}),
}
"""The same for keywords that the transform is given: one of them, or any argument by position."""
_NOT_OF_WORKING_CODE = "errors."
"""How the ids of laws begin that say what a mistake in a call raises."""


def may_concern(
    item: str, uses: Mapping[str, Sequence[Use]], primitives: Collection[str] = ()
) -> bool:
    """Whether code with these uses may make such a call as the law checks of this subject.

    Args:
        item: Law, transform and subject, separated by ` | `.
        uses: The uses of each name.
        primitives: What the code is traced to.

    """
    law, transform, subject = item.split(" | ")[:3]
    if law.startswith(_NOT_OF_WORKING_CODE):
        return False
    last = {name.rpartition(".")[2] for name in uses}
    if not all(names & last for glob, names in _NEEDS.items() if fnmatch.fnmatchcase(law, glob)):
        return False
    given = uses.get(transform, ())
    for glob, keywords in _KEYWORDS.items():
        if fnmatch.fnmatchcase(law, glob) and not any(_gives(use, keywords) for use in given):
            return False
    return _is_made_of(transform, subject, uses, primitives)


def _gives(use: Use, keywords: Collection[str]) -> bool:
    """Whether a call gives one of these; the first argument by position is what is mapped."""
    return use.positional > 1 or bool(set(use.keywords) & set(keywords))


def _is_made_of(
    transform: str, subject: str, names: Collection[str], primitives: Collection[str]
) -> bool:
    """Whether the suite's subject is made of what the code uses; True where that is not known."""
    # These need JAX.
    from conformance.observations import code_names
    from conformance.transforms.linen import uses as of_linen
    from conformance.transforms.nnx import uses as of_nnx
    from properties.subject import FunctionSubject
    from properties.subjects import SUBJECTS

    mapped = SUBJECTS.get(subject)
    use = (of_linen if transform.startswith("flax.linen.") else of_nnx).USES.get(subject)
    if use is not None:
        return code_names.is_made_of(use, names)
    if not isinstance(mapped, FunctionSubject) or mapped.own is not None:
        return True
    if mapped.kind == "rule" and subject.split(".")[1] in primitives:
        return True
    return code_names.is_made_of(mapped.function, names)
