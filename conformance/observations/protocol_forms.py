"""What Python's operators do with what is mapped, and which trees may be mapped."""

import collections
import dataclasses
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, add, mapped, same, whole
from conformance.observations.record import needed

lax: Any = jax.lax


def vmapped() -> Forms:
    """Of `jax.vmap`: operators on what is mapped, and trees that may be."""
    return {**_operators(), **_trees()}


def _operators() -> Forms:
    """Python's operators and protocols on one example, within the map."""
    uses: dict[str, Callable[[Any], Any]] = {
        "truth": bool,
        "hash": lambda x: jnp.float32(isinstance(hash(x), int)),
        "length": len,
        "list": list,
        "in": lambda x: jnp.float32(1 in x),
        "float": float,
        "int": int,
        "index": operator.index,
        "format": lambda x: jnp.float32(len(f"{x}") > 0),
        "is-an-array": lambda x: jnp.float32(isinstance(x, jax.Array)),
        "is-a-tracer": lambda x: jnp.float32(isinstance(x, jax.core.Tracer)),
        "is-a-scalar": lambda x: jnp.float32(jnp.isscalar(x)),
        "numpy": np.asarray,
        "numpy-function": np.sin,
        "as-a-dtype": lambda x: jnp.zeros(2, x),
        "as-a-shape": jnp.zeros,
        "nested-in-lists": lambda x: jnp.array([[x, x], [x, x]]),
        "nested-with-numbers": lambda x: jnp.array([x, 1, 2.0]),
        "nested-with-a-dict": lambda x: jnp.array([x, {"a": x}]),
        "item": lambda x: x.item(),
        "list-of-numbers": lambda x: x.tolist(),
        "copied": lambda x: x.copy(),
        "devices": lambda x: jnp.float32(len(x.devices())),
        "sharding": lambda x: jnp.float32(x.sharding is not None),
        "weak-type": lambda x: jnp.float32(x.weak_type),
        "dtype": lambda x: jnp.float32(x.dtype == jnp.float32),
        "of-a-matrix": lambda x: x @ x,
        "item-at-a-float": lambda x: x[1.0],
        "item-at-a-list": lambda x: x[[0, 1]],
        "item-too-far": lambda x: x[7],
        "item-none": lambda x: x[None],
        "item-set": lambda x: operator.setitem(x, 0, 1.0),
        "viewed": lambda x: x.view(jnp.int8),
        "string": lambda x: "text",
    }
    given = {"a-number": whole(2), "a-vector": whole(2, 3)}
    forms: Forms = {}
    for name, use in uses.items():
        for kind, x in given.items():
            forms[f"operator-{name}-of-{kind}"] = partial(mapped, use, x)
    return forms


@dataclasses.dataclass
class _Record:
    """Registered in another way by each form."""

    a: Any
    n: Any = 2


def _fresh() -> Any:
    return dataclasses.make_dataclass(
        "Fresh",
        [
            ("a", Any),
            ("n", Any, dataclasses.field(default=2, metadata={"static": True})),
        ],
    )


def _kinds_of_trees() -> dict[str, Callable[[], Any]]:
    """By name, trees that are mapped, given beside, and given back."""
    x = whole(3)
    pair = collections.namedtuple("pair", "a b")

    return {
        "values-of-a-dict": {"a": x}.values,
        "generator": lambda: (2 * y for y in [x, x]),
        "map": lambda: map(same, [x, x]),
        "zip": lambda: zip([x], [x], strict=True),
        "set": lambda: {1, 2},
        "range": lambda: range(3),
        "namedtuple": lambda: pair(x, x),
        "dict-not-sorted": lambda: {1: x, "a": x},
        "ordered-dict": lambda: collections.OrderedDict(b=x, a=x),
        "default-dict": lambda: collections.defaultdict(list, a=x),
        "none": lambda: {"a": x, "b": None},
        "none-alone": lambda: (x, None),
        "empty": dict,
        "string": lambda: "text",
        "object": lambda: _Record(x),
        "partial": lambda: jax.tree_util.Partial(add, x),
        "struct": lambda: jax.ShapeDtypeStruct((3,), jnp.float32),
    }


def _trees() -> Forms:
    x = whole(3)

    def registered(*given: Any, **options: Any) -> Any:
        kind = needed("jax.tree_util.register_dataclass")(_fresh(), *given, **options)
        return jax.vmap(lambda d: d.a * d.n)(kind(x))

    def with_other_data() -> Any:
        class Node:
            def __init__(self, a: Any, n: Any) -> None:
                self.a, self.n = a, n

        jax.tree_util.register_pytree_with_keys(
            Node,
            lambda node: (((jax.tree_util.GetAttrKey("a"), node.a),), (node.n, "keys")),
            lambda data, children: Node(next(iter(children)), data[0]),
            lambda node: ((node.a,), (node.n,)),
        )
        return jax.vmap(
            lambda a: lax.while_loop(lambda c: c.a < 5, lambda c: Node(c.a + 1, c.n), Node(a, 1)).a
        )(x)

    forms: Forms = {}
    for name, made in _kinds_of_trees().items():
        forms[f"tree-{name}"] = partial(lambda m: jax.vmap(same)(m()), made)
        forms[f"tree-{name}-beside"] = partial(lambda m: jax.vmap(add)(x, m()), made)
        forms[f"tree-{name}-given"] = partial(lambda m: jax.vmap(lambda a: [a, m()])(x), made)
        forms[f"tree-{name}-paths"] = partial(
            lambda m: [
                jax.tree_util.keystr(path)
                for path, _ in jax.tree_util.tree_flatten_with_path(m())[0]
            ],
            made,
        )
    return forms | {
        "tree-of-a-dataclass": lambda: registered(["a"], ["n"]),
        "tree-of-a-dataclass-not-told": registered,
        "tree-of-a-dataclass-told-less": lambda: registered(["a"], []),
        "tree-of-a-dataclass-told-twice": lambda: registered(["a", "n"], ["n"]),
        "tree-with-other-data-by-key": with_other_data,
        "struct-changed": lambda: setattr(jax.ShapeDtypeStruct((2,), jnp.float32), "shape", (3,)),
        "struct-of-a-weak-type": lambda: str(jax.eval_shape(jax.vmap(lambda a: 1), x)),
        "spec-is-a-tuple": lambda: [
            isinstance(jax.sharding.PartitionSpec("x"), tuple),
            tuple(jax.sharding.PartitionSpec("x")) == ("x",),
            operator.eq(jax.sharding.PartitionSpec("x"), ("x",)),
            jax.sharding.PartitionSpec("x", None) == jax.sharding.PartitionSpec("x"),
        ],
    }
