"""Of changes that concern only some uses of a name: which operations and keywords tell these uses."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import attrs

from conformance.events.user_code import Use
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.index import NOTHING_DONE, Operations, Uses
from conformance.upgrade.for_you.what_to_write import (
    ADDED,
    DRAWS,
    EQUAL_TO_NO_TUPLE,
    EXPLICIT,
    GATHERED_FROM_ONE,
    HELD,
    OWN_STREAM,
    SPLIT_ONCE,
    STACKED_BY_JAX,
    UNDER_A_MESH,
)
from conformance.upgrade.name_changes import keyword_change


@attrs.frozen
class Condition:
    """What code does that a change concerns."""

    operations: frozenset[str] = frozenset()
    """Of these, the file does one; the line that does it is the place. For `{}` stands what is called."""
    names: frozenset[str] = frozenset()
    """Of names with these last parts, the file uses one; the first is named. None: any of that library."""
    place: Literal["operation", "call", "file"] = "operation"
    """The place of the line: the operation; the call that does it; the call, in a file that does it."""
    unless: frozenset[str] = frozenset()
    """Keywords that provide for the change."""
    enough: int | None = None
    """So many arguments by position provide for it, too: one of those keywords is among them."""
    given: frozenset[str] = frozenset()
    """Keywords of which the call gives one."""
    says: str = ""
    """What changed and what to write, in place of the names of the calls that fail or give another kind."""


def _does(*operations: str, of: str = "") -> Condition:
    return Condition(operations=frozenset(operations), names=frozenset(of.split()))


_HOLDER = "Module Object Pytree"
_WITHOUT_A_MESH = ("nothing", "jit", "eval-shape")
_CELLS = "GRUCell LSTMCell OptimizedLSTMCell SimpleCell"
_SHARDS = [
    f"{kind}: .{attribute}"
    for kind in ("Array", "an object")
    for attribute in ("addressable_shards", "addressable_data")
]
_GIVES_SPECS = "PartitionSpec P logical_to_mesh_axes logical_to_mesh get_partition_spec"
_LAYS_OUT = """
    with_partitioning with_logical_partitioning with_logical_constraint unbox Partitioned
    LogicallyPartitioned
"""
_IN_PLACE = "iadd isub imul itruediv ifloordiv imod ipow imatmul iand ior ixor ilshift irshift"
_TREES = "leaves map flatten structure reduce tree_leaves tree_map tree_flatten tree_structure"
_RARE_DTYPES = "int8 int16 int64 uint8 uint16 uint32 uint64 bfloat16 float16 float64 complex64"
_BY_KEY: Mapping[str, Condition] = {
    "calls/jax.vmap/plain-vjp-*": attrs.evolve(_does("{} of a NumPy array"), place="call"),
    **{
        key.format(dtype): attrs.evolve(_does(f"{dtype} named"), place="file")
        for dtype in _RARE_DTYPES.split()
        for key in ("draws/*/{}", "calls/jax.vmap/*-{}-numpy.*", "calls/jax.vmap/of-{}-nn.*")
        if (dtype, key[:5]) != ("complex64", "calls")
    },
    **{
        f"calls/jax.vmap/plain-*-{dtype}": attrs.evolve(_does(f"{dtype} named"), place="file")
        for dtype in _RARE_DTYPES.split()
    },
    "calls/flax.*.vmap/*-masked": attrs.evolve(_does("a mask given"), place="file"),
    "calls/flax.*.vmap/*-complex": attrs.evolve(_does("complex numbers"), place="file"),
    "calls/flax.*.vmap/*-whole": attrs.evolve(_does("whole numbers as a dtype"), place="call"),
    **{
        f"calls/flax.*.vmap/*-{option}": attrs.evolve(
            _does("bfloat16 named", "float16 named"), place="file"
        )
        for option in ("in-bfloat16", "kernel-of-bfloat16", "wider")
    },
    "calls/flax.*.vmap/Embed-*-of-1": attrs.evolve(_does("an embedding of one"), place="call"),
    "calls/jax.vmap/operator-hash-*": _does("a number as a key", of="vmap jit grad scan pmap"),
    "calls/jax.vmap/struct-changed": _does("a shape set", of="ShapeDtypeStruct eval_shape"),
    "axes.negative-count-from-end | *": attrs.evolve(_does("a negative axis"), place="file"),
    **{
        f"calls/*map/{call}*": attrs.evolve(_does("a size of zero"), place="file")
        for call in ("of-none-", "no-element", "no-example")
    },
    **{
        f"calls/*map/*-{call}-from-behind": attrs.evolve(_does("{} from behind"), place="call")
        for call in ("scattered-sum", "all-to-all")
    },
    "mapping.jit-agrees | jax.pmap | *": attrs.evolve(_does("a pmap within a jit"), place="file"),
    "mapping.no-elements | *": attrs.evolve(_does("a size of zero"), place="file"),
    "calls/jax.pmap/*on-another-device*": attrs.evolve(_does("a device chosen"), place="file"),
    "calls/jax.pmap/result-along-another-axis*": attrs.evolve(
        _does("a result along another axis"), place="call"
    ),
    "calls/*map/of-number-*": attrs.evolve(_does("{} given a number"), place="call"),
    "calls/jax.*map/rank-0": attrs.evolve(
        _does("a number mapped"), place="call", given=frozenset({"axis_size"})
    ),
    "calls/jax.pmap/shard-of-a-result": attrs.evolve(_does(*_SHARDS), place="file"),
    "calls/jax.pmap/kind-of-sharding": _does("a kind of sharding asked for", of="pmap"),
    "calls/jax.pmap/argument-divided-by-columns": attrs.evolve(
        _does("a layout by columns"), place="file"
    ),
    "calls/jax.vmap/plain-make_mesh-kinds-of-axes": Condition(
        unless=frozenset({"axis_types"}), says=EXPLICIT
    ),
    "calls/jax.pmap/pmap-of-pmap*": attrs.evolve(_does("a pmap within a pmap"), place="file"),
    "calls/jax.*map/*-by-small-numbers": attrs.evolve(
        _does("int8 named", "uint8 named"), place="file"
    ),
    **{
        f"calls/jax.vmap/plain-each-flax.*-{given}": attrs.evolve(
            _does("{} given a number"), place="call"
        )
        for given in ("one-number", "dict-of-numbers")
    },
    "calls/jax.*map/wrapped-and-lowered": _does("a wrapped function lowered"),
    "calls/jax.vmap/plain-*-compared-with-a-tuple": attrs.evolve(
        _does("a tuple compared", of=_GIVES_SPECS), says=EQUAL_TO_NO_TUPLE
    ),
    "* | use.bridged-writes*": Condition(given=frozenset({"graph", "graph_updates"})),
    "calls/jax.vmap/plain-*-is-a-tuple": _does("a tuple asked for", of=_GIVES_SPECS),
    "calls/jax.vmap/plain-devices-as-text": _does(
        "a device as text", "a device named", of="devices"
    ),
    "calls/jax.vmap/plain-make_jaxpr-names-of-primitives": attrs.evolve(
        _does("pjit named", of="make_jaxpr"),
        says="the primitive of a compiled function is named 'jit' since jax 0.7, and 'pjit' before: ask for "
        "either, `eqn.primitive.name in ('jit', 'pjit')`",
    ),
    "calls/jax.vmap/plain-make_jaxpr-equation-of-*": _does(
        "equations taken apart", of="make_jaxpr Jaxpr ClosedJaxpr JaxprEqn Literal Var"
    ),
    "calls/jax.vmap/plain-random.key-as-a-numpy-array": _does("a key made a NumPy array", of="key"),
    "calls/jax.vmap/plain-tree*none-beside-an-array": attrs.evolve(
        _does("None among leaves", of="map tree_map"), unless=frozenset({"is_leaf"})
    ),
    "warnings/calls/jax.tree.map-values-of-a-dict": attrs.evolve(
        _does("an iterator as a tree", of=_TREES), unless=frozenset({"is_leaf"})
    ),
    **{
        f"calls/jax.vmap/*complex*-{module}.*": attrs.evolve(_does("complex numbers"), place="file")
        for module in ("numpy", "scipy", "nn", "lax")
    },
    "calls/jax.vmap/plain-numpy.clip-complex": attrs.evolve(_does("complex numbers"), place="file"),
    **{
        f"calls/jax.vmap/plain-numpy.{stack}-list": attrs.evolve(
            _does("a list of lists given"), place="call"
        )
        for stack in ("hstack", "vstack", "dstack", "column_stack")
    },
    "calls/jax.vmap/plain-numpy.*-list": attrs.evolve(_does("{} of a list"), place="call"),
    "calls/jax.vmap/traced-solve-vector-*": attrs.evolve(
        _does("{} of a stack of matrices"), place="call"
    ),
    "warnings/calls/jax.scipy.linalg.*-batch-of-vectors": attrs.evolve(
        _does("{} of a stack of matrices"), place="call"
    ),
    "mapping.large-batch | * | large-squared-norm*": attrs.evolve(
        _does("a product and a square"), place="file"
    ),
    "warnings/calls/jax.numpy.*-list": attrs.evolve(_does("{} of a list"), place="call"),
    "calls/jax.vmap/plain-Array-*": _does("a class asked for", of="Array"),
    "calls/jax.vmap/plain-*-as-lowered-text": _does("mhlo.sharding named", of="jit"),
    "calls/jax.vmap/*-where-given-numbers": attrs.evolve(
        _does("numbers given as where"), place="call"
    ),
    "calls/jax.vmap/plain-jit-of-an-object-that-is-an-array": attrs.evolve(
        _does("an object that is an array", of="jit vmap grad value_and_grad numpy"),
        says="an object with __jax_array__ is no argument any more: give jax.numpy.asarray of it",
    ),
    "calls/jax.vmap/plain-numpy.array-*none": _does("an array of None", of="array asarray"),
    **{
        f"calls/flax.nnx.vmap/{call}": Condition(
            unless=frozenset({"deterministic"}), says=OWN_STREAM
        )
        for call in ("Dropout-not-told", "dropout-made-with-rngs")
    },
    **{
        f"calls/flax.nnx.vmap/keys-drawn-by-a-new-{name}": Condition(
            names=frozenset({name}), given=frozenset(given), says=DRAWS.format(stream)
        )
        for name, given, stream in (
            ("Dropout", (), "dropout"),
            ("MultiHeadAttention", ("dropout_rate",), "dropout"),
            ("RNN", (), "carry"),
        )
    },
    "calls/flax.nnx.vmap/cell-carry-without-streams": attrs.evolve(
        _does("a carry started without streams", of=_CELLS),
        says="the first carry needs streams now: cell.initialize_carry(shape, rngs=rngs); a cell keeps "
        "none of its own, and cell.rngs is None",
    ),
    **{
        f"calls/flax.nnx.vmap/annotated-by-{name.replace('_', '-')}-in-{setting}": attrs.evolve(
            _does("a layout without a mesh", of=name), says=UNDER_A_MESH.format(name)
        )
        for name in ("with_partitioning", "with_metadata")
        for setting in _WITHOUT_A_MESH
    },
    **{
        f"calls/flax.nnx.vmap/annotated-by-{word.replace('_', '-')}-in-{setting}": attrs.evolve(
            _does("a Variable with a layout without a mesh", of="Param Variable BatchStat Cache"),
            given=frozenset({word}),
            says=UNDER_A_MESH.format("the Variable"),
        )
        for word in ("sharding", "sharding_names", "out_sharding")
        for setting in _WITHOUT_A_MESH
    },
    "calls/flax.nnx.vmap/sequence-of-none": _does("an empty sequence", of="Sequential"),
    "calls/flax.nnx.vmap/variable-added-to": _does("an attribute changed in place", of=_HOLDER),
    "warnings/calls/jax.sharding.Mesh-entered": _does("an object entered", of="Mesh make_mesh"),
    "calls/flax.linen.vmap/unboxed-under-an-entered-mesh": attrs.evolve(
        _does("an object entered", of=_LAYS_OUT),
        says="Flax lays out no parameter and no result under `with mesh:` any more: each device holds all of "
        "it, without a word. Enter the mesh by `with jax.set_mesh(mesh):`",
    ),
    "warnings/calls/jax.pure_callback-mapped": Condition(
        unless=frozenset({"vmap_method", "vectorized"})
    ),
    "warnings/calls/jax.checkpoint-concrete": Condition(given=frozenset({"concrete"})),
    "warnings/calls/jax.make_mesh-kinds-of-axes": Condition(unless=frozenset({"axis_types"})),
    "warnings/calls/flax.nnx.Param-with-hooks": Condition(
        given=frozenset({"on_get_value", "on_set_value"})
    ),
    "warnings/calls/flax.nnx.Param-sharding_names": Condition(given=frozenset({"sharding_names"})),
    "warnings/calls/jax.pure_callback-vectorized": Condition(given=frozenset({"vectorized"})),
    "calls/jax.vmap/callback-vectorized": Condition(
        given=frozenset({"vectorized"}),
        says=keyword_change("jax.pure_callback", ("vectorized",)) or "",
    ),
    "calls/jax.vmap/plain-*.process_allgather-vector": Condition(
        unless=frozenset({"tiled"}), enough=2, says=GATHERED_FROM_ONE
    ),
    **{
        f"calls/jax.vmap/plain-each-flax.*.{name}-*": Condition(says=STACKED_BY_JAX)
        for name in ("get_metrics", "stack_forest")
    },
    "calls/jax.vmap/callback": Condition(unless=frozenset({"vmap_method", "vectorized"})),
    **{
        f"calls/flax.nnx.vmap/operator-{name}*": _does("an attribute changed in place", of=_HOLDER)
        for name in _IN_PLACE.split()
    },
    "calls/flax.nnx.vmap/operator-ne*": _does("Variables compared", of="Param Variable"),
    "calls/flax.nnx.vmap/operator-eq*": _does("Variables compared", of="Param Variable"),
    "calls/flax.nnx.vmap/variable-equals": _does("Variables compared", of="Param Variable"),
    "calls/flax.nnx.vmap/operator-hash": _does("a number as a key", of="Param Variable"),
    "calls/flax.nnx.vmap/item-set-all": _does("all items set", of="Param Variable Module"),
    "calls/flax.nnx.vmap/metadata-in-another-order": _does("a Variable with metadata"),
    "calls/flax.nnx.vmap/closed-over-and-changed": attrs.evolve(
        _does("a captured object called"), place="call"
    ),
    **{
        f"calls/flax.nnx.vmap/{method}*": attrs.evolve(_does("a bound method mapped"), place="call")
        for method in ("bound-method", "*-of-a-bound-method")
    },
    "calls/flax.nnx.vmap/graph-modules*": _does("iter_modules called"),
    "calls/flax.nnx.vmap/graph-children*": _does("iter_children called"),
    "calls/flax.nnx.vmap/held-after-none-*": _does("an array set on a module later", of=_HOLDER),
    **{
        f"calls/flax.nnx.vmap/{form}": attrs.evolve(
            _does("a container held", of=_HOLDER), says=HELD
        )
        for form in ("map-of-held-*", "holds-a-list", "holds-a-dict", "holds-a-tuple", "held-*")
    },
    "calls/flax.nnx.vmap/added-later-to-*": attrs.evolve(
        _does("a container filled by a method", of=_HOLDER), says=ADDED
    ),
    "calls/flax.nnx.vmap/attribute-set-on-a-variable": _does(
        "an attribute of a member set", of="Param Variable Module"
    ),
    "calls/flax.nnx.vmap/streams-not-split": Condition(
        names=frozenset({"vmap"}),
        given=frozenset({"axis_size"}),
        says="streams are not split by the map any more: decorate it with nnx.split_rngs(splits=n)",
    ),
    "calls/flax.nnx.vmap/rngs-split-when-made-and-called": attrs.evolve(
        _does("streams split again", of="split_rngs"),
        says=SPLIT_ONCE,
    ),
    "calls/flax.nnx.vmap/leaves-of-a-module": _does("a module as a tree", of=_TREES),
    "calls/flax.nnx.vmap/state-kind-*": _does("a kind asked for", of="state split"),
    "calls/flax.nnx.vmap/state-items": _does("a kind asked for", of="state split"),
    "calls/flax.nnx.vmap/grad-kinds": _does("a kind asked for", of="grad value_and_grad"),
}
"""By the key of a difference; the first that fits."""
_BY_ERROR: Mapping[str, Condition] = {
    "Passing an array as a dtype": _does("an array as a dtype"),
}
"""By what the call raises now, whatever function it is of."""


def condition(entry: Difference) -> Condition | None:
    """What code does that this difference concerns; None where that is not known to be special."""
    for key in (entry.key, *entry.consequences):
        for glob, found in _BY_KEY.items():
            if fnmatch.fnmatchcase(key, glob):
                return found
    return next((of for said, of in _BY_ERROR.items() if said in entry.sentence), None)


def met(
    condition: Condition,
    library: str,
    uses: Uses,
    operations: Operations,
) -> tuple[str, list[Use]] | None:
    """A user's name and the places where a condition on operations is met; None where it is nowhere.

    Args:
        condition: What code does, operations among it.
        library: `jax`, or `flax.nnx` or `flax.linen`, of which the file must use a name.
        uses: The uses of each name.
        operations: What the sources do.

    """
    done = [
        each for name in sorted(condition.operations) for each in operations.by_name.get(name, ())
    ]
    for name in _candidates(condition.names, library, uses):
        files = {use.file for use in suitable(condition, uses[name])}
        mine = [each for each in done if each.file in files]
        of_library = uses.files.get(library, set())
        if mine and (library == "jax" or of_library & {each.file for each in mine}):
            return name, [Use(file=each.file, line=each.line, name=name) for each in mine]
    return None


def named_instead(
    condition: Condition,
    library: str,
    found: Sequence[Use],
    uses: Uses,
) -> tuple[str, list[Use]] | None:
    """The name that a condition on no operation is about, in the files that were found.

    Args:
        condition: What code does, names among it.
        library: As for `met`.
        found: Uses of what a call is made of.
        uses: The uses of each name.

    """
    files = {use.file for use in found}
    for name in _candidates(condition.names, library, uses):
        if mine := [use for use in uses[name] if use.file in files]:
            return name, mine
    return None


def suitable(
    condition: Condition, uses: Sequence[Use], operations: Operations = NOTHING_DONE
) -> list[Use]:
    """Those uses that give what the change is about, and nothing that provides for it.

    Args:
        condition: What code does.
        uses: The uses of one name.
        operations: What the sources do, for an operation of the call itself.

    """
    if condition.place == "call":
        uses = [use for use in uses if _does_so(condition, use, operations)]
    if condition.place == "file":
        every = (each for name in condition.operations for each in operations.by_name.get(name, ()))
        files = {each.file for each in every}
        uses = [use for use in uses if use.file in files]
    return [
        use
        for use in uses
        if not condition.unless & set(use.keywords)
        and (condition.enough is None or use.positional < condition.enough)
        and (not condition.given or condition.given & set(use.keywords))
    ]


def _does_so(condition: Condition, use: Use, operations: Operations) -> bool:
    """Whether one of the operations is done in the line of a use."""
    last = use.name.rpartition(".")[2]
    done = operations.by_line.get((use.file, use.line), set())
    return any(name.format(last) in done for name in condition.operations)


def _candidates(names: frozenset[str], library: str, uses: Uses) -> Iterable[str]:
    """The user's names that a line may be about, those of the library before others."""
    mine = [name for name in uses if not names or name.rpartition(".")[2] in names]
    return sorted(
        mine, key=lambda name: (not name.startswith(f"{library}."), name.count("."), name)
    )
