"""Whether what changed may concern code that uses certain names of JAX and Flax, and which of them."""

import fnmatch
import functools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from typing import Any

from conformance.events.user_code import Use
from conformance.upgrade.for_you.index import Uses

_DERIVATIVES = frozenset(
    {"grad", "value_and_grad", "vjp", "jvp", "jacfwd", "jacrev", "hessian", "linearize"}
)
_MESHES = frozenset(
    {
        *("Mesh", "make_mesh", "set_mesh", "use_mesh", "AxisType", "shard_map"),
        *("NamedSharding", "PartitionSpec", "P"),
    }
)
_EXPLICIT = frozenset(
    {"AxisType", "Explicit", "explicit_axes", "make_mesh", "reshard", "set_mesh", "use_mesh"}
)
_NEEDS: Mapping[str, frozenset[str]] = {
    "collectives.gradients": _DERIVATIVES,
    "gradients.*": _DERIVATIVES,
    "parallel.explicit-mesh": _EXPLICIT,
    "parallel.explicit-gradients": _EXPLICIT,
    "parallel.placed-within": _MESHES,
    "parallel.sharded-gradients": _MESHES,
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
_LOOPS = frozenset({"scan", "while_loop", "fori_loop"})
OF_USES: Mapping[str, frozenset[str]] = {
    "use.abstract": frozenset({"eval_shape"}),
    "use.all-operators": frozenset({"Param", "Variable"}),
    "use.asked-for-absent": frozenset({"deepcopy", "copy.copy", "pickle.loads"}),
    "use.asked-of-variables": frozenset({"set_metadata", "get_metadata", "del_metadata"}),
    "use.axes-by-collection": frozenset({"scan_with_axes", "vmap_with_axes", "param_with_axes"}),
    "use.both-at-once": frozenset({"Bidirectional"}),
    "use.branches-apart": frozenset({"linen.cond", "linen.switch"}),
    "use.averages": frozenset({"EMA", "MultiMetric"}),
    "use.bridged*": frozenset({"ToLinen", "to_linen", "ToNNX"}),
    "use.callable-in-modes": frozenset({"graph", "graph_updates"}),
    "use.captured": frozenset({"nnx.capture"}),
    "use.carry-replaced": _LOOPS,
    "use.carried-numbers": frozenset({"nnx.scan"}),
    "use.changed-in-branches": frozenset({"cond", "switch"}),
    "use.checked": frozenset({"checkify"}),
    "use.compiled-ahead": frozenset({"lower", "jit_partial", "cached_partial"}),
    "use.compiled-apart": frozenset({"linen.jit"}),
    "use.compiled-by-stages": frozenset({"lower", "trace", "jit_partial", "eval_shape"}),
    "use.compiled-once": frozenset({"linen.jit"}),
    "use.copied-whole": frozenset({"deepcopy", "nnx.clone", "pickle.loads", "with_vars"}),
    "use.copies-of-variables": frozenset({"nnx.clone", "nnx.merge", "set_metadata"}),
    "use.deep-copies": frozenset({"deepcopy"}),
    "use.derivatives": _DERIVATIVES | {"custom_vjp"},
    "use.differentiated-*": _DERIVATIVES | {"custom_vjp"},
    "use.donated": frozenset({"donate_argnums", "donate_argnames"}),
    "use.drawing-cells": frozenset({"RNN", "Bidirectional"}),
    "use.drawn-again": frozenset({"Rngs.split", "Rngs.broadcast"}),
    "use.filters-of-lifts": frozenset({"DenyList"}),
    "use.forked-streams": frozenset({"fork_rngs", "Rngs.fork"}),
    "use.forms-of-states": frozenset({"nnx.merge", "nnx.update", "to_flat_state"}),
    "use.from-the-end": frozenset({"in_axes", "out_axes"}),
    "use.functions-of-states": frozenset(
        {"nnx.split", "nnx.merge", "nnx.update", "nnx.pop", "set_metadata", "to_flat_state"}
    ),
    "use.gradient*": _DERIVATIVES,
    "use.held-and-static": frozenset({"jit_partial"}),
    "use.jitted-streams": frozenset({"linen.jit"}),
    "use.keys-of-kinds": frozenset({"split_rngs", "Rngs.split", "Rngs.fork", "reseed"}),
    "use.list-of-axes": frozenset({"in_axes"}),
    "use.lists-and-dictionaries": frozenset({"nnx.List", "nnx.Dict"}),
    "use.loop-carries": frozenset({"while_loop"}),
    "use.looped": _LOOPS,
    "use.metrics-of-kinds": frozenset({"MultiMetric", "Average", "Accuracy", "Welford"}),
    "use.mode-by-setting": frozenset({"set_graph_mode", "set_graph_updates"}),
    "use.module-aside": frozenset({"graph_updates", "set_graph_updates"}),
    "use.named-on-mesh": _MESHES,
    "use.names-by-hand": frozenset({"add_metadata_axis", "with_logical_partitioning"}),
    "use.names-in-loops": _LOOPS | {"cond", "switch"},
    "use.optimised": frozenset({"Optimizer"}),
    "use.over-mesh": frozenset({"nnx.shard_map"}),
    "use.pure-forms": frozenset({"nnx.call", "to_tree", "nnx.split", "nnx.merge"}),
    "use.pure-state": frozenset({"nnx.split", "nnx.merge"}),
    "use.references-held": frozenset({"var_defaults", "with_vars"}),
    "use.references-written": frozenset({"var_defaults"}),
    "use.refused-scans": frozenset({"scan"}),
    "use.refused-writes": frozenset({"cond", "switch"}),
    "use.scanned*": frozenset({"scan", "remat_scan"}),
    "use.sequences": frozenset({"nnx.Sequential"}),
    "use.shared-in-branches": _LOOPS | {"cond", "switch"},
    "use.shared-scope*": frozenset({"share_scope"}),
    "use.shortened-lists": frozenset({"nnx.List"}),
    "use.slopes-of-changes": frozenset({"custom_vjp"}),
    "use.sown-in-scan": frozenset({"scan"}),
    "use.state-argument": frozenset({"nnx.split", "nnx.merge"}),
    "use.static-arguments": frozenset({"static_argnums", "static_argnames"}),
    "use.streams-by-filter": frozenset({"split_rngs", "Rngs.split", "Rngs.broadcast"}),
    "use.streams-for-call": frozenset({"with_rngs"}),
    "use.told-apart": frozenset({"nnx.split", "GraphDef"}),
    "use.told-of-compiled": frozenset({"args_info"}),
    "use.unpacked": frozenset({"nnx.unpack", "nnx.view"}),
    "use.updated-by-closure": frozenset({"nnx.update"}),
}
"""The same by documented use, whose code the suite calls by other ways: ends of names, and keywords."""
_OF_ARRAYS = ("jax.numpy.", "jax.scipy.", "jax.lax.", "jax.nn.", "jax.random.")
_OF_DERIVATIVES = re.compile("grad|jac|jvp|vjp|hess|linear|deriv|differen")
_AXIS = frozenset({"axis"})
"""The keyword that functions of arrays are given by position, too: as the second argument."""
_KEYWORD = re.compile(r"unexpected keyword argument '(\w+)'")
_NOT_OF_THE_MAP = "calls/*.vmap/{}-*"
_ABOUT_OBJECTS = [
    "operator",
    "tree",
    "struct",
    "spec",
    "at-edges",
    "of",
    "traced",
    "whole",
    "held",
    "attribute",
]
"""How the names of forms begin that are about what is mapped, not about how the map is called."""
_NOT_OF_WORKING_CODE = "errors."
"""How the ids of laws begin that say what a mistake in a call raises."""


def may_concern(item: str, uses: Uses, primitives: Collection[str] = ()) -> bool:
    """Whether code with these uses may make such a call as the law checks of this subject.

    Args:
        item: Law, transform and subject, separated by ` | `.
        uses: The uses of each name.
        primitives: What the code is traced to.

    """
    law, transform, subject = item.split(" | ")[:3]
    if law.startswith(_NOT_OF_WORKING_CODE):
        return False
    last = {_last(name) for name in uses}
    if not all(names & last for glob, names in _NEEDS.items() if fnmatch.fnmatchcase(law, glob)):
        return False
    given = uses.get(transform, ())
    for glob, keywords in _KEYWORDS.items():
        if fnmatch.fnmatchcase(law, glob) and not any(_gives(use, keywords) for use in given):
            return False
    return _is_made_of(transform, subject, uses.words, primitives)


def of_law(item: str, mine: Sequence[Use], uses: Uses) -> list[Use]:
    """Those uses of a transform that give the keywords that the law is about, in a file with what it needs.

    Args:
        item: Law, transform and subject, separated by ` | `.
        mine: The uses of the transform.
        uses: The uses of each name.

    """
    law, _, subject = item.split(" | ")[:3]
    for glob, names in _NEEDS.items():
        if fnmatch.fnmatchcase(law, glob):
            files = {use.file for name in uses if _last(name) in names for use in uses[name]}
            mine = [use for use in mine if use.file in files]
    for glob, needed in OF_USES.items():
        if fnmatch.fnmatchcase(subject, glob):
            files = {use.file for use in mine}
            files = {file for file in files if _names_one(_of_file(file, uses), needed)}
            mine = [use for use in mine if use.file in files]
    for glob, keywords in _KEYWORDS.items():
        if fnmatch.fnmatchcase(law, glob):
            mine = [use for use in mine if _gives(use, keywords)]
    return list(mine)


def name_of_call(key: str, sentence: str, uses: Uses) -> tuple[str, list[Use]] | None:
    """The user's name that an observed call is about, and the uses in files that may make such a call.

    That is the function that is mapped, not the map, where the call is about a function; None where no
    file uses all that the call is made of, or gives the keywords that it is about.

    Args:
        key: Such as `calls/jax.vmap/of-complex64-numpy.hypot`.
        sentence: What is said of the difference.
        uses: The uses of each name.

    """
    _use_the_cpu()
    from conformance.observations import calls, code_names, layer_option_forms

    call = calls.form(key)
    if call is None:
        return None
    told = code_names.function_given(call)
    function, keywords = told or ("", frozenset())
    keywords |= frozenset(_KEYWORD.findall(sentence))
    keywords |= layer_option_forms.options_given(call)
    about = {function} if told else _about(key, call, uses)
    library = _library(key.split("/")[1])
    of_library = uses.files.get(library, set())
    for name in uses.longest_first:
        if not _is_one_of(name, about) or _is_of_the_other(name, library):
            continue
        mine = [
            use
            for use in uses[name]
            if (
                not keywords
                or keywords & set(use.keywords)
                or (keywords >= _AXIS and _by_position(use))
            )
            and (library == "jax" or use.file in of_library)
        ]
        files = {use.file for use in mine}
        files = {file for file in files if code_names.is_made_of(call, _of_file(file, uses))}
        if files:
            return name, [use for use in mine if use.file in files]
    return None


@functools.cache
def _use_the_cpu() -> None:
    """Observed calls come with small arrays: an accelerator for them may be busy, or not there."""
    import jax

    jax.config.update("jax_platforms", "cpu")


def _about(key: str, call: Callable[[], object], uses: Uses) -> Collection[str]:
    """What a call is about that is told no function: what it is made of, or else the transform."""
    from conformance.observations import code_names

    # A keyword, such as `axis_size`, is a word of the call and no name.
    made_of = {name for name in code_names.dotted_in(call) if "." in name or not name.islower()}
    transform = key.split("/")[1]
    # What is done with the objects that are mapped is not about the map.
    rest = set() if _is_of_objects(key) else {transform}
    if made_of and {_last(each) for each in made_of} <= _DERIVATIVES:
        # What is differentiated is made of what any code uses.
        return made_of if _OF_DERIVATIVES.search(key) else rest
    placed = {each for each in made_of if _last(each) in _MESHES | {"device_put"}}
    if made_of - placed:
        return made_of - placed
    if len(placed) > 1:
        return {transform}
    found = placed or code_names.of_trees_in(call) & uses.keys()
    return found or rest


def _is_of_objects(key: str) -> bool:
    """Whether an observed call is about what is mapped, or made a module of, and not about the map."""
    return any(fnmatch.fnmatchcase(key, _NOT_OF_THE_MAP.format(kind)) for kind in _ABOUT_OBJECTS)


def _is_of_the_other(name: str, library: str) -> bool:
    """Whether a name is Linen's where NNX's layers are meant, or NNX's where Linen's are."""
    other = {"flax.linen": "flax.nnx.", "flax.nnx": "flax.linen."}.get(library)
    return other is not None and name.startswith(other)


def _library(name: str) -> str:
    """Such as `jax` or `flax.nnx`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "flax" else parts[0]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_one_of(name: str, about: Collection[str]) -> bool:
    """Whether a user's name is among these, maybe from another module of the same library.

    Functions of arrays are others in other modules.
    """
    if name in about or _last(name) in about:
        return True
    return not name.startswith(_OF_ARRAYS) and any(
        _last(name) == _last(each) and _library(name) == _library(each) for each in about
    )


def _of_file(file: str, uses: Uses) -> frozenset[str]:
    """The names that a file uses, the keywords that it gives, and the derivatives that any file takes."""
    return uses.of_file[file].words | {name for name in uses if _last(name) in _DERIVATIVES}


def _names_one(names: Collection[str], needed: Collection[str]) -> bool:
    """Whether one of these names ends in one of those parts."""
    return any(name == part or name.endswith(f".{part}") for name in names for part in needed)


def _gives(use: Use, keywords: Collection[str]) -> bool:
    """Whether a call gives one of these; the first argument by position is what is mapped."""
    return _by_position(use) or bool(set(use.keywords) & set(keywords))


def _by_position(use: Use) -> bool:
    return use.positional > 1


def _is_made_of(
    transform: str, subject: str, names: Collection[str], primitives: Collection[str]
) -> bool:
    """Whether the suite's subject is made of what the code uses; True where that is not known."""
    _use_the_cpu()
    from conformance.observations import code_names
    from properties.subject import FunctionSubject
    from properties.subjects import SUBJECTS

    mapped = SUBJECTS.get(subject)
    use = _documented(transform).get(subject)
    if use is not None:
        return code_names.is_made_of(use, names)
    if not isinstance(mapped, FunctionSubject) or mapped.own is not None:
        return True
    if mapped.kind == "rule" and subject.split(".")[1] in primitives:
        return True
    return code_names.is_made_of(mapped.function, names)


def _documented(transform: str) -> Mapping[str, Any]:
    """The documented uses of a transform of Flax; none where the Flax that is here is too old for them."""
    library = transform.removeprefix("flax.").partition(".")[0]
    if library not in ("linen", "nnx"):
        return {}
    try:
        uses: Mapping[str, Any] = import_module(f"conformance.transforms.{library}.uses").USES
    except (AttributeError, ImportError):
        return {}
    return uses
