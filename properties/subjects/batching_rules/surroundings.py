"""Trees of many kinds, functions as arguments, and the settings that JAX is under while it maps."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule

_TREES = """
import collections
import functools

Pair = collections.namedtuple("Pair", ["x", "y"])

@jax.tree_util.register_pytree_node_class
class Scaled:
    # What it is scaled by is no array, and no part of the tree.
    def __init__(self, array, by):
        self.array, self.by = array, by

    def tree_flatten(self):
        return (self.array,), self.by

    @classmethod
    def tree_unflatten(cls, by, children):
        return cls(*children, by)

def use(pair, ordered, nothing, function, scaled=None):
    seen.append(isinstance(pair.x, jax.Array) and not isinstance(pair.x, np.ndarray))
    scaled = Scaled(function(scaled.array) * scaled.by, scaled.by)
    return {"b": (pair.x + pair.y["y"], ()), "a": [ordered["z"] * pair.x, None]}, scaled, nothing

def traced(x):
    program = jax.make_jaxpr(lambda y: (x * y, table))(2.0)
    return jax.core.eval_jaxpr(program.jaxpr, program.consts, np.float32(5))

seen, table = [], jnp.arange(2.0)
in_axes = [Pair(0, {"y": None}), collections.OrderedDict(z=1, w=None), None, None]
out_axes = ({"b": (-1, 0), "a": [0, None]}, 0, None)
mapped = jax.vmap(use, in_axes, out_axes)
ordered = collections.OrderedDict(z=a[None, :], w=b)
first, scaled, rest = mapped(
    Pair(a, {"y": b}), ordered, {"none": None, "empty": ()}, jnp.negative, scaled=Scaled(a, 3))
called = jax.vmap(jax.named_call(functools.partial(lambda x, y, z: x * y - z, b), name="called"))
with jax.named_scope("scope"):
    named = called(a, z=2 * a), jax.vmap(lambda: b + 1, axis_size=2)()
return first, (scaled.array, scaled.by), rest, named, jax.vmap(traced)(a), np.array(seen)
"""
_SETTINGS = """
import contextlib

def turned(x):
    return lax.while_loop(lambda x: x[0] < 6, lambda x: x + 3, x)

def chosen(x, i):
    return lax.switch(i, [lambda x: x, lambda x: 2 * x, lambda x: x - 1], x), lax.cond(
        x[1] > 0, lambda x: (3 * x, 1), lambda x: (x, 0), x)

def looped(x, i):
    summed = lax.scan(lambda c, y: (c + y, c * y), np.float32(0), x)
    return summed, lax.fori_loop(0, 2, lambda n, x: x * x[0], x), lax.map(lambda y: y + 1, x)

def joined(x, i):
    return x[:, None] + jnp.ones((1, 2)), jnp.where(x > 0, x, -x) * np.float32(2), x @ jnp.ones((3, 2))

results = []
with jax.disable_jit():
    results.append((turned(a), chosen(a, b), looped(a, b)))
with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
    results.append((joined(a, b), turned(a)))
with jax.default_matmul_precision("float32"), jax.debug_nans(True), jax.debug_infs(True):
    results.append((joined(a, b), jax.jit(chosen)(a, b)))
return results
"""
_LEAKS = """
with jax.checking_leaks():
    kept = lambda x: lax.scan(lambda c, _: (c, 2 * c), x, None, length=2)
    given = jax.vmap(kept)(a), jax.vmap(jax.jit(lambda x: 2 * x))(a), jax.vmap(jax.grad(lambda x: x * x))(a)
    return given, lax.cond(b > 2, lambda x: jax.vmap(lambda y: y + b)(x), lambda x: x, a)
"""


def _trees(a: Any, b: Any) -> Any:
    first = {"a": [(a * a)[:, None], None], "b": (a + b, ())}
    named = b * a - 2 * a, np.stack([b + 1] * 2)
    return exactly(
        (
            *(first, (-3 * a, 3), {"empty": (), "none": None}, named),
            *([5 * a, np.stack([np.arange(2.0)] * 3)], np.array([True])),
        )
    )


SURROUNDINGS: tuple[FunctionSubject, ...] = (
    rule("jit.of-trees", _TREES, *(of("whole", 3), of("whole")), answer=_trees),
    rule("while.under-settings", _SETTINGS, *(of("whole", 3), below(3)), exact=True),
    rule("scan.without-leaks", _LEAKS, *(of("whole", 3), below(5)), exact=True),
)
