"""Maps of more examples than an index can count, and loops over batches of any size."""

from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_COUNTS = {"int8": 130, "uint8": 260, "int16": 32770}
"""By the dtype of the indices, more examples than it can count."""
_MANY = 200
"""Of more of them, every fourth function says enough."""
_SHOWN = 4
"""Of so many examples the last ones and the first one are shown."""
_NARROW = f"""
if jax.__version_info__ < (0, 5):
    raise NotImplementedError("jax 0.4.30 writes to other examples: their number overflows the index")

def shown(count, dtype):
    rows = jnp.arange(3 * count).reshape(count, 3) % 101
    # Where each of them reads and writes: at 0, 1 or 2.
    at = (jnp.arange(count) % 3).astype(dtype)
    each = [
        lambda x, i: x[i],
        lambda x, i: x.at[i].set(7),
        lambda x, i: x.at[i].add(x[0]),
        lambda x, i: x.at[i].multiply(2),
        lambda x, i: lax.dynamic_update_slice(x, x[:1] + 7, (i,)),
        lambda x, i: lax.dynamic_slice(x, (i,), (1,)),
        lambda x, i: x.at[i].min(5),
        lambda x, i: x.at[i].max(50),
        lambda x, i: lax.dynamic_index_in_dim(x, i),
        lambda x, i: jnp.take(x, i, mode="clip"),
        lambda x, i: x.at[i].get(mode="fill", fill_value=-1),
        lambda x, i: jnp.take_along_axis(x, i[None], 0),
        lambda x, i: jnp.zeros(3, int).at[i].add(x[1]),
        lambda x, i: lax.dynamic_update_index_in_dim(x, 9, i, 0),
    ][:: 1 if count < {_MANY} else 4]
    results = [jax.vmap(function)(rows, at) for function in each]
    results += [jax.vmap(function, (None, 0))(rows[1], at) for function in each[:2]]
    results += [jax.vmap(function, (0, None))(rows, at[1]) for function in each[:2]]
    return [jnp.roll(each, 1, 0)[-{_SHOWN}:] for each in results]

counts = {_COUNTS}
return a, [shown(count, dtype) for dtype, count in counts.items()]
"""
_LENGTHS = ((0, 3), (1, 4), (5, 1), (5, 2), (5, 5), (5, 9), (4, 2))
"""How many there are, and how many of them a batch has."""
_IN_BATCHES = f"""
if jax.__version_info__ < (0, 5):
    raise NotImplementedError("its loops take no batch_size")

def looped(length, size):
    xs = {{"x": jnp.arange(length) + a, "y": jnp.arange(2 * length).reshape(length, 2), "none": None}}
    one = lambda each: (2 * each["x"] + b, (each["y"].sum(), each["none"]))
    return lax.map(one, xs, batch_size=size)

def total(a):
    return jnp.sum(lax.map(lambda x: x * a * a, jnp.arange(1.0, 6), batch_size=2))

looped_twice = lambda n: jax.vmap(lambda x: lax.map(lambda y: x * y, jnp.arange(5) + a, batch_size=n))
mapped = [looped_twice(n)(jnp.arange(2.0)) for n in (3, 8)]
return [looped(*each) for each in {_LENGTHS}], mapped, jax.grad(total)(a)
"""


def _narrow(a: Any) -> Any:
    def shown(count: int) -> list[Any]:
        rows, place = np.arange(3 * count).reshape(count, 3) % 101, np.arange(count) % 3
        # Of these alone it is computed.
        chosen = [(i - 1) % count for i in range(count - _SHOWN, count)]
        x, i = rows[chosen], place[chosen]
        at = np.arange(_SHOWN), i

        def put(x: Any, value: Any, at: Any = at) -> Any:
            x = x.copy()
            x[at] = value
            return x

        def five(x: Any, at: Any) -> list[Any]:
            put_seven, added = put(x, 7, at), put(x, x[at] + x[:, 0], at)
            return [x[at], put_seven, added, put(x, 2 * x[at], at), put(x, x[:, 0] + 7, at)]

        column, shared = x[at][:, None], np.stack([rows[1]] * _SHOWN)
        one = np.arange(_SHOWN), np.full(_SHOWN, place[1])
        each = [
            *(*five(x, at), column),
            *(put(x, np.minimum(x[at], 5)), put(x, np.maximum(x[at], 50))),
            *(column, x[at], x[at], column, put(0 * x, x[:, 1]), put(x, 9)),
        ]
        step = 1 if count < _MANY else 4
        results = [*each[::step], *five(shared, at)[::step][:2], *five(x, one)[::step][:2]]
        return [np.asarray(each, "int32") for each in results]

    return exactly((a, [shown(count) for count in _COUNTS.values()]))


def _in_batches(a: Any, b: Any) -> Any:
    def looped(length: int) -> Any:
        x, y = np.arange(length, dtype="float32") + a, np.arange(2 * length).reshape(length, 2)
        return 2 * x + b, (y.sum(1).astype("int32"), None)

    x = np.arange(5, dtype="float32") + a
    return exactly(([looped(n) for n, _ in _LENGTHS], [np.stack([0 * x, x])] * 2, 30 * a))


LONG_AXES: tuple[FunctionSubject, ...] = (
    attrs.evolve(
        rule("gather.more-than-indices-count", _NARROW, of("whole"), answer=_narrow), most_axes=1
    ),
    attrs.evolve(
        rule(
            "scan.in-batches-of-any-size",
            _IN_BATCHES,
            *(of("whole"), of("whole")),
            answer=_in_batches,
        ),
        most_axes=1,
    ),
)
