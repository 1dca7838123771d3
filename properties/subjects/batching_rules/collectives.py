"""Collectives over an axis that the function names itself. The right answers are plain reductions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import TWO_DEVICES, of, rule


def _collective(
    name: str, source: str, answer: Callable[[Any], Any], *dims: str | int, kind: str = "whole"
) -> FunctionSubject:
    """`source` is of one example `x` along the axis `i`; the answer is of all of them."""

    def exactly(a: Any) -> tuple[Any, Any]:
        value = np.asarray(answer(a))
        return value, np.zeros(value.shape)

    inner = f"jax.vmap(lambda x: {source}, axis_name='i')(a)"
    return rule(name, inner, of(kind, *dims), answer=exactly)


def _across_devices(name: str, source: str, answer: Callable[[Any], Any]) -> FunctionSubject:
    """The same over two devices: `source` is of one device's (2, n), the answer of all (4, n)."""

    def exactly(a: Any) -> tuple[Any, Any]:
        value = np.asarray(answer(a))
        return value, np.zeros(value.shape)

    body = f"{TWO_DEVICES}return {source}"
    return rule(name, body, of("whole", 4, "n"), answer=exactly)


def _across_two(
    name: str, source: str, outputs: str, answer: Callable[[Any, Any], tuple[Any, ...]]
) -> FunctionSubject:
    """The same of two arrays, of which either may be shared by the examples of the map."""

    def exactly(a: Any, b: Any) -> tuple[Any, Any]:
        values = answer(a, b)
        return values, tuple(np.zeros(value.shape) for value in values)

    mapped = f"jax.shard_map({source}, mesh=mesh, in_specs=(split, split), out_specs={outputs})"
    body = f"{TWO_DEVICES}return {mapped}(a, b)"
    return rule(name, body, of("whole", 4, "n"), of("whole", 4, "n"), answer=exactly)


_OF_ONE = """
small = a.astype(jnp.int8)

def kept(total):
    # Zero where the sum is of another dtype.
    return total * (total.dtype == small.dtype)

of_two = jax.vmap(jax.vmap(lambda i: i + lax.psum(a, ('i', 'j')), axis_name='j'), axis_name='i')
each = jax.vmap(lambda i: (
    i + lax.psum(a, 'i'), i + lax.pmax(a, 'i'), i + lax.psum_scatter(a, 'i'),
    i + lax.psum_scatter(a, 'i', tiled=True), i + lax.all_gather(a, 'i'), i + kept(lax.psum(small, 'i')),
), axis_name='i')(jnp.arange(3.0))
return *each, of_two(jnp.arange(6.0).reshape(2, 3))
"""


def _of_one(a: Any) -> tuple[Any, Any]:
    """Collectives of one array, which three examples share, and the place of each.

    That of `all_to_all` is wrong: a known defect.
    """
    place = np.arange(3)[:, None]
    each = (
        place + 3 * a,
        place + a,
        place[:, 0] + 3 * a,
        place + 3 * a[:, None],
        place[..., None] + np.stack([np.stack([a] * 3)] * 3),
        place + 3 * a,
        np.arange(6).reshape(2, 3, 1) + 6 * a,
    )
    return each, tuple(np.zeros(value.shape) for value in each)


def _mapped(source: str, inputs: str, outputs: str) -> str:
    specs = f"in_specs={inputs}, out_specs={outputs}"
    return f"jax.shard_map(lambda x: {source}, mesh=mesh, {specs})(a)"


def _everywhere(reduced: Any, size: int) -> Any:
    return np.broadcast_to(reduced, (size, *np.shape(reduced)))


COLLECTIVES = (
    _collective("psum", "lax.psum(x, 'i')", lambda a: _everywhere(a.sum(0), 4), 4, "n"),
    _collective("psum.mean", "4 * lax.pmean(x, 'i')", lambda a: _everywhere(a.sum(0), 4), 4, "n"),
    _collective("pmax", "lax.pmax(x, 'i')", lambda a: _everywhere(a.max(0), 3), 3, "n"),
    _collective("pmin", "lax.pmin(x, 'i')", lambda a: _everywhere(a.min(0), 3), 3, "n"),
    _collective(
        "pbroadcast_dynamic",
        "lax.pbroadcast(x, 'i', jnp.int32(2))",
        lambda a: _everywhere(a[2], 4),
        *(4, "n"),
    ),
    _collective("all_gather", "lax.all_gather(x, 'i')", lambda a: _everywhere(a, 3), 3, "n"),
    _collective(
        "all_gather.tiled",
        "lax.all_gather(x, 'i', axis=1, tiled=True)",
        lambda a: _everywhere(np.concatenate(a, 1), 3),
        *(3, "m", "n"),
    ),
    _collective(
        "all_to_all",
        "lax.all_to_all(x, 'i', 0, 1)",
        lambda a: np.stack([a[:, j].T for j in range(3)]),
        *(3, 3, "n"),
    ),
    _collective(
        "ppermute",
        "lax.ppermute(x, 'i', [(0, 1), (1, 2), (2, 3), (3, 0)])",
        lambda a: np.roll(a, 1, 0),
        *(4, "n"),
    ),
    _collective(
        "reduce_scatter",
        "lax.psum_scatter(x, 'i')",
        lambda a: a.sum(0),
        *(3, 3, "n"),
    ),
    _collective(
        "reduce_scatter.tiled",
        "lax.psum_scatter(x, 'i', tiled=True)",
        lambda a: a.sum(0).reshape(3, 2, a.shape[2]),
        *(3, 6, "n"),
    ),
    _collective(
        "axis_index",
        "x + lax.axis_index('i')",
        lambda a: a + np.arange(4)[:, None],
        *(4, "n"),
    ),
    rule("psum.of-one-for-all", _OF_ONE, of("whole", 3), answer=_of_one),
    _across_devices(
        "psum_invariant",
        _mapped("lax.psum(x, 'i')", "split", "whole"),
        lambda a: a[:2] + a[2:],
    ),
    _across_two(
        "psum_invariant.of-both",
        "lambda x, y:"
        " (lax.psum(x, 'i'), lax.psum(y, 'i'), lax.all_gather(y, 'i', tiled=True, to='invarying'))",
        "(whole, whole, whole)",
        lambda a, b: (a[:2] + a[2:], b[:2] + b[2:], b),
    ),
    _across_two(
        "all_gather.of-both",
        "lambda x, y:"
        " (x + lax.psum(y, 'i'), x * lax.all_gather(y, 'i')[0], lax.all_gather(y, 'i', axis=1, tiled=True),"
        " lax.ppermute(y, 'i', [(0, 1), (1, 0)]), lax.ppermute(y, 'i', [(0, 0), (1, 1)]))",
        "(split,) * 5",
        lambda a, b: (
            a + np.tile(b[:2] + b[2:], (2, 1)),
            a * np.tile(b[:2], (2, 1)),
            np.tile(np.concatenate([b[:2], b[2:]], 1), (2, 1)),
            np.roll(b, 2, 0),
            b,
        ),
    ),
    _across_devices(
        "pvary",
        _mapped("lax.pcast(x[:2], 'i', to='varying')", "whole", "split"),
        lambda a: np.concatenate([a[:2], a[:2]]),
    ),
    _across_devices(
        "all_gather_invariant",
        _mapped("lax.all_gather(x, 'i', tiled=True, to='invarying')", "split", "whole"),
        lambda a: a,
    ),
    _across_devices(
        "all_gather_invariant.stacked",
        _mapped("lax.all_gather(x, 'i', axis=1, to='invarying')", "split", "whole"),
        lambda a: np.stack([a[:2], a[2:]], 1),
    ),
    _across_devices(
        "vary_unreduced_cast",
        _mapped("lax.psum(lax.pcast(x, 'i', to='unreduced'), 'i')", "split", "whole"),
        lambda a: a[:2] + a[2:],
    ),
    _across_devices(
        "preduced",
        _mapped("lax.pcast(lax.pcast(x, 'i', to='reduced'), 'i', to='varying')", "whole", "split"),
        lambda a: np.concatenate([a, a]),
    ),
    _across_devices(
        "all_gather_reduced",
        _mapped(
            "lax.pcast(lax.all_gather(x, 'i', tiled=True, to='reduced'), 'i', to='varying')",
            *("split", "split"),
        ),
        lambda a: np.concatenate([a, a]),
    ),
)
