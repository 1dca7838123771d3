"""What Python's operators and functions do with Variables and streams of NNX."""

import copy
import operator
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, whole
from conformance.observations.nnx_parts import of_nnx
from conformance.observations.record import needed

_MOST_KEYS = 20
"""No layer that is made here draws as many."""


def nnx() -> Forms:
    """Forms of what users do with Variables and streams, transforms aside."""
    return {**_of_variables(), **_of_streams(), **_of_dropout(), **_of_new_layers()}


def _within(derived: str, function: Callable[[Any], Any], given: Any) -> Any:
    """What a function of functions, named, makes of one, of an object of NNX."""
    return needed(derived)(function)(given)


def _uses() -> dict[str, Callable[[Any], Any]]:
    """By name, what is done with a Variable."""
    return {
        "truth": bool,
        "length": len,
        # Not all releases end it: of an array without an end, `list` would never give.
        "first-of-all": lambda v: next(iter(v)),
        "hash": lambda v: isinstance(hash(v), int),
        "shape": lambda v: v.shape,
        "dtype": lambda v: str(v.dtype),
        "rank": lambda v: v.ndim,
        "negated": operator.neg,
        "absolute": abs,
        "rounded": round,
        "inverted": lambda v: ~v,
        "transposed": lambda v: v.T,
        "method": lambda v: v.sum(),
        "method-with-a-dtype": lambda v: v.astype(jnp.int32),
        "updated": lambda v: v.at[0].set(5.0),
        "all-of-it": lambda v: v[...],
        "part-of-it": lambda v: v[1:],
        "numpy": np.asarray,
        "jax-numpy": jnp.asarray,
        "function": jnp.sin,
        "stacked": lambda v: jnp.stack([v, v]),
        "copied": lambda v: [type(copy.copy(v)).__name__, jnp.asarray(copy.deepcopy(v)[...])],
        "pickled": lambda v: len(pickle.dumps(v)) > 0,
        "leaves": jax.tree_util.tree_leaves,
        "jitted": partial(_within, "jax.jit", lambda v: v[...] * 2),
        "differentiated": partial(_within, "jax.grad", lambda v: (v[...] ** 2).sum()),
        "given-back": partial(_within, "jax.jit", lambda v: v),
        "metadata": lambda v: sorted(v.get_metadata()),
        "value-got": lambda v: v.get_value(),
        "raw-value": lambda v: v.get_raw_value(),
        "value-set": lambda v: [v.set_value(whole(3)), v[...]],
        "kind": lambda v: v.type.__name__,
        "of-a-variable": lambda v: type(of_nnx("Param")(v)).__name__,
        "other-kind": lambda v: type(of_nnx("BatchStat")(v)).__name__,
    }


def _of_variables() -> Forms:
    def param(value: Any = None, **metadata: Any) -> Any:
        return of_nnx("Param")(whole(2) if value is None else value, **metadata)

    def item_set(index: Any, value: Any) -> Any:
        variable = param()
        variable[index] = value
        return np.asarray(variable)

    def in_place(name: str) -> Any:
        changed = getattr(operator, name)(param(), 2.0)
        return [type(changed).__name__, jnp.asarray(changed)]

    of_a_number: dict[str, Callable[[Any], Any]] = {
        "float": float,
        "int": int,
        "index": operator.index,
        "truth": bool,
    }
    forms: Forms = {}
    for name, use in _uses().items():
        forms[f"operator-{name}"] = partial(lambda use: use(param()), use)
    for name, use in of_a_number.items():
        forms[f"operator-{name}-of-a-number"] = partial(lambda use: use(param(jnp.int32(1))), use)
    binary = "add sub mul truediv floordiv mod pow matmul eq ne lt ge"
    for name in binary.split():
        of_two = getattr(operator, name)
        forms[f"operator-{name}"] = partial(lambda of: of(param(), whole(2)), of_two)
        forms[f"operator-{name}-after"] = partial(lambda of: of(whole(2), param()), of_two)
        forms[f"operator-{name}-of-both"] = partial(lambda of: of(param(), param()), of_two)
    for name in ("iadd", "imul", "isub", "itruediv"):
        forms[f"operator-{name}"] = partial(in_place, name)
    for name, index in {"number": 0, "all": ..., "slice": slice(1), "truth": True}.items():
        forms[f"item-set-{name}"] = partial(item_set, index, 5.0)
    for name, value in {"none": (None,), "list": [1, 2], "text": "a", "number": 2}.items():
        forms[f"variable-of-{name}"] = partial(
            lambda v: [type(of_nnx("Param")(v).value).__name__, v if isinstance(v, int) else ""],
            None if name == "none" else value,
        )
    return forms | {
        "variable-copied-with-another-value": lambda: (
            param(tag=1).copy(whole(3)).get_metadata("tag")
        ),
        "variable-replaced-keeps-metadata": lambda: param(tag=1).replace(whole(3)).tag,
        "variable-kind-by-name": lambda: of_nnx("variable_type_from_name")("params").__name__,
        "variable-name-by-kind": lambda: of_nnx("variable_name_from_type")(of_nnx("Param")),
    }


def _of_streams() -> Forms:
    def rngs(*given: Any, **named: Any) -> Any:
        return of_nnx("Rngs")(*given, **named)

    def split(**options: Any) -> Any:
        streams = rngs(params=0, dropout=1)
        with of_nnx("split_rngs")(streams, **options):
            inside = [np.shape(streams[n].key.value) for n in ("params", "dropout")]
        return inside, [np.shape(streams[n].key.value) for n in ("params", "dropout")]

    def forked(**options: Any) -> Any:
        streams = rngs(params=0, dropout=1).fork(**options)
        return [np.shape(streams[n].key.value) for n in ("params", "dropout")]

    def counts() -> Any:
        streams = rngs(0, params=1)
        streams.params(), streams.dropout(), streams()
        return jax.tree_util.tree_leaves(of_nnx("state")(streams, of_nnx("RngCount")))

    key = jax.random.key(0)
    forms: Forms = {}
    for name in ("normal", "uniform", "bernoulli", "bits", "gumbel", "exponential"):
        forms[f"stream-{name}"] = partial(lambda n: getattr(rngs(0), n)(shape=(2,)), name)
        forms[f"stream-of-params-{name}"] = partial(
            lambda n: getattr(rngs(0).params, n)(shape=(2,)), name
        )
    return forms | {
        "streams-called": lambda: jax.random.key_data(rngs(0)()),
        "streams-by-name": lambda: jax.random.key_data(rngs(0, params=1)["params"]()),
        "streams-that-are-not": lambda: rngs(params=0).dropout(),
        "streams-none": lambda: rngs().params(),
        "streams-names": lambda: sorted(map(str, rngs(0, params=1))),
        "streams-in": lambda: ["params" in rngs(0), "params" in rngs(params=0)],
        "streams-length": lambda: len(rngs(0, params=1)),
        "streams-items": lambda: sorted(str(name) for name, _ in rngs(params=0).items()),
        "streams-of-a-dict": lambda: jax.random.key_data(rngs({"params": 3}).params()),
        "streams-of-a-key": lambda: jax.random.key_data(rngs(key).params()),
        "streams-of-two-numbers": lambda: rngs(0, 1),
        "streams-of-a-float": lambda: rngs(0.5),
        "streams-of-a-stream": lambda: jax.random.key_data(rngs(rngs(0).params).params()),
        "streams-counted": counts,
        "streams-set": lambda: setattr(rngs(0), "params", 3),
        "streams-split": lambda: split(splits=3),
        "streams-split-only": lambda: split(splits=3, only="params"),
        "streams-split-in-one": lambda: split(splits=1),
        "streams-split-squeezed": lambda: split(splits=1, squeeze=True),
        "streams-forked": forked,
        "streams-forked-split": lambda: forked(split=3),
        "streams-forked-split-by-name": lambda: forked(split={"params": 2}),
    }


def _of_dropout() -> Forms:
    """Where Dropout has its key from."""
    x, key, forms = jnp.ones((3, 4)), jax.random.key(0), Forms()

    def rngs(*given: Any) -> Any:
        return of_nnx("Rngs")(*given)

    for name, given in {"rngs": lambda: rngs(0), "key": lambda: key, "none": lambda: None}.items():
        forms[f"dropout-called-with-{name}"] = partial(
            lambda g: of_nnx("Dropout")(0.5, deterministic=False)(x, rngs=g()), given
        )
        forms[f"dropout-made-with-{name}"] = partial(
            lambda g: of_nnx("Dropout")(0.5, deterministic=False, rngs=g())(x), given
        )
    forms["dropout-called-with-one-stream"] = lambda: of_nnx("Dropout")(0.5, deterministic=False)(
        x, rngs=rngs(0).dropout
    )
    return forms


def _of_new_layers() -> Forms:
    """How many keys a layer draws from the stream that it is given when it is made."""

    def drawn(make: Callable[[Any], Any]) -> int:
        given, fresh = (of_nnx("Rngs")(0) for _ in range(2))
        make(given)
        following = jax.random.key_data(given())
        keys = (jax.random.key_data(fresh()) for _ in range(_MOST_KEYS))
        return next(n for n, key in enumerate(keys) if bool((key == following).all()))

    return {
        "keys-drawn-by-a-new-Dropout": lambda: drawn(lambda r: of_nnx("Dropout")(0.5, rngs=r)),
        "keys-drawn-by-a-new-MultiHeadAttention": lambda: drawn(
            lambda r: of_nnx("MultiHeadAttention")(2, 4, dropout_rate=0.5, decode=False, rngs=r)
        ),
        "keys-drawn-by-a-new-RNN": lambda: drawn(lambda r: of_nnx("RNN")(jnp.sin, rngs=r)),
    }
