"""Which type of object an expression gives, as far as the file's own text says."""

import ast
import re
from collections.abc import Mapping

_CALLED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"jax\.(sharding\.)?(PartitionSpec|P)", "PartitionSpec"),
        (r"jax\.sharding\.(Mesh|AbstractMesh)|jax\.experimental\.maps\.Mesh", "Mesh"),
        (r"jax\.(sharding\.)?make_mesh", "Made mesh"),
        (r"jax\.(sharding\.)?NamedSharding", "NamedSharding"),
        (r"jax\.sharding\.SingleDeviceSharding", "Sharding"),
        (r"jax\.jit", "Jitted"),
        (r"jax\.vmap", "Mapped"),
        (r"jax\.pmap", "Pmapped"),
        (r"jax\.(value_and_)?grad", "Gradient"),
        (r"jax\.custom_(vjp|jvp)", "custom_{1}"),
        (r"jax\.make_jaxpr", "maker of a jaxpr"),
        (r"jax\.(eval_shape|ShapeDtypeStruct)", "Struct"),
        (r"jax\.random\.key", "Key"),
        (r"jax\.tree(_util)?\.(tree_)?structure", "TreeDef"),
        (r"jax\.tree_util\.Partial", "Partial"),
        (r"jax\.(core\.)?(typeof|get_aval)", "Aval"),
        (r"jax\.(local_)?devices", "*Device"),
        (r"jax\.numpy\.finfo", "finfo"),
        (r"jax\.numpy\.linalg\.svd", "SVD"),
        (r"jax\.numpy\.linalg\.eigh", "eigh"),
        (r"jax\.(new_ref|array_ref)", "Ref"),
        (r"jax\.vjp", "?|Pullback"),
        (r"jax\.linearize", "?|Linear map"),
        (r"jax\.tree(_util)?\.(tree_)?flatten(_with_path)?", "?|TreeDef"),
        (
            r"jax\.(numpy|nn|lax)\.(?!dtype|linalg|fft|initializers|float|int|bool|complex)\w+",
            "Array",
        ),
        (r"jax\.random\.(?!key|PRNG|split|fold_in)\w+", "Array"),
        (r"flax\.linen\.(with_)?partitioning\w*|flax\.linen\.Partitioned", "Partitioned"),
        (r"flax\.linen\.[A-Z]\w+", "Linen module"),
        (r"flax\.(core|core\.frozen_dict)\.(freeze|FrozenDict)", "FrozenDict"),
        (r"flax\.training\.train_state\.TrainState\.create", "TrainState"),
        (r"flax\.nnx\.Rngs", "Rngs"),
        (r"flax\.nnx\.Optimizer|flax\.nnx\.ModelAndOptimizer", "Optimizer"),
        (r"flax\.nnx\.(MultiMetric|metrics\.MultiMetric)", "MultiMetric"),
        (r"flax\.nnx\.metrics\.\w+", "Average"),
        (r"flax\.nnx\.(Param|BatchStat|Cache|Intermediate|Variable|LoRAParam)", "Param"),
        (r"flax\.nnx\.(state|variables|clone_state)", "State"),
        (r"flax\.nnx\.to_flat_state", "*?|?Variable"),
        (r"flax\.nnx\.split", "GraphDef|State"),
        (r"flax\.nnx\.graphdef", "GraphDef"),
        (r"flax\.nnx\.merge", "NNX module"),
        (r"flax\.nnx\.jit", "NNX jitted"),
        (r"flax\.nnx\.vmap", "NNX mapped"),
        (r"flax\.nnx\.bridge\.ToNNX", "ToNNX"),
        (r"flax\.nnx\.(Dropout|BatchNorm|MultiHeadAttention|Sequential)", "{1}"),
        (r"flax\.nnx\.iter_modules", "*iter_modules|NNX module"),
        (r"flax\.nnx\.iter_graph", "*iter_graph|?"),
        (r"flax\.nnx\.[A-Z]\w+", "NNX layer"),
    )
)
_METHODS: Mapping[str, Mapping[str, str]] = {
    "Jitted": {"lower": "Lowered", "trace": "Traced"},
    "Mapped": {"lower": "Lowered"},
    "Traced": {"lower": "Lowered"},
    "Lowered": {"compile": "Compiled"},
    "Linen module": {"init": "Linen variables", "bind": "Bound Linen module"},
    "Own Linen module": {"init": "Linen variables", "bind": "Bound Linen module"},
    "Param": {"copy": "Param", "replace": "Param"},
    "State": {"filter": "State", "split": "State|State", "flat_state": "*?|?Variable"},
    "*?|?Variable": {"items": "*?|?Variable", "values": "*?Variable"},
    "TrainState": {"apply_gradients": "TrainState", "replace": "TrainState"},
    "maker of a jaxpr": {"": "ClosedJaxpr"},
    "NNX layer": {"": "Array"},
    "Pullback": {"": "(Array)"},
}
"""By the type of an object, what its methods give; the empty name is its own call."""
_OF_LAYERS = dict.fromkeys(("kernel", "bias", "scale", "embedding"), "Param")
_OF_ARRAYS = {"aval": "Aval", "sharding": "Sharding", "at": "At", "addressable_shards": "*Shard"}
_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "ClosedJaxpr": {"jaxpr": "Jaxpr", "eqns": "*Equation"},
    "Jaxpr": {
        "eqns": "*Equation",
        "invars": "*Variable of a jaxpr",
        "outvars": "*Variable of a jaxpr",
        "constvars": "*Variable of a jaxpr",
    },
    "Equation": {"primitive": "Primitive", "invars": "*Variable of a jaxpr"},
    "Variable of a jaxpr": {"aval": "Aval"},
    "NamedSharding": {"spec": "PartitionSpec", "mesh": "Mesh"},
    "Sharding": {"spec": "PartitionSpec", "mesh": "Mesh"},
    "Array": _OF_ARRAYS,
    "NNX layer": _OF_LAYERS,
    "BatchNorm": _OF_LAYERS,
    "Optimizer": {"model": "NNX module", "step": "Param"},
    "Rngs": dict.fromkeys(("params", "default", "dropout", "noise", "carry"), "RngStream"),
    "RngStream": dict.fromkeys(("count", "key"), "Param"),
}
_BY_NAME = {
    "rngs": "Rngs",
    "mesh": "Mesh",
    "graphdef": "GraphDef",
    "treedef": "TreeDef",
    "opt": "Optimizer",
    "optim": "Optimizer",
    "optimizer": "Optimizer",
    "closed_jaxpr": "ClosedJaxpr",
    "lowered": "Lowered",
    "compiled": "Compiled",
    "train_state": "TrainState",
}
"""What users call a parameter of a function that is such an object, in a file that names its library."""
_ANYWHERE = {"sharding": "Sharding", "aval": "Aval", "addressable_shards": "*Shard"}
"""Attributes that tell what they are of any object."""


def called(name: str) -> str:
    """What a call of a public name gives: a type, empty where it is not known.

    Args:
        name: A dotted name, such as `jax.vjp`.

    Returns:
        `*T` is a sequence of such objects, `A|B` a tuple of one of each. A `?Variable` may also be what older
        releases have in its place, and is known to hold a value alone.

    """
    for pattern, kind in _CALLED:
        found = pattern.fullmatch(name)
        if found:
            return kind.format("", *found.groups())
    return ""


def holder(kind: str, node: ast.expr, attribute: str) -> str:
    """The type of an object by which its attribute is told: of `.value`, what it is of is known by less.

    Flax's layers call a parameter `kernel` or `embedding`, and other objects hardly do.
    """
    if kind == "?Variable":
        return "Param" if attribute == "value" else ""
    of_a_layer = isinstance(node, ast.Attribute) and node.attr in {"kernel", "embedding"}
    return "Param" if not kind and attribute == "value" and of_a_layer else kind


def base(name: str) -> str:
    """The type of objects of a class that is derived from a public one."""
    if name in ("flax.nnx.Module", "flax.nnx.Object", "flax.nnx.Pytree"):
        return "NNX module"
    if name == "flax.linen.Module":
        return "Own Linen module"
    return called(name)


def method(kind: str, name: str) -> str:
    """What a method of such an object gives; an empty name is its own call."""
    if kind == "" and name == "lower":
        return "Lowered"
    return _METHODS.get(kind, {}).get(name, "")


def attribute(kind: str, name: str) -> str:
    """What an attribute of such an object is."""
    return _ATTRIBUTES.get(kind, {}).get(name, "") or ("" if kind else _ANYWHERE.get(name, ""))


def parameter(name: str) -> str:
    """What a parameter of a function is, from its name alone."""
    return _BY_NAME.get(name, "")


def item(kind: str, index: int | None = None) -> str:
    """One of a sequence or tuple.

    Args:
        kind: A type, as `called` gives it.
        index: Which one; None for any.

    """
    if kind.startswith("*"):
        return kind[1:]
    parts = kind.split("|")
    if index is None or len(parts) == 1:
        return ""
    part = parts[min(index, len(parts) - 1)] if index >= 0 else parts[index]
    return "" if part == "?" else part
