"""What knows of a map by the name of its axis alone, and what is the same for all of a map's examples."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_NUMBERED = """
size = getattr(lax, "axis_size", lambda name: lax.psum(1, name))
place = lambda: lax.axis_index("i").astype(jnp.float32)
compiled = jax.jit(lambda: 10 * place() + size("i"))

@jax.custom_jvp
def forward(x):
    return x * place()

@jax.custom_vjp
def backward(x):
    return x * place()

forward.defjvp(lambda p, t: (forward(*p), 3 * t[0] * place()))
backward.defvjp(lambda x: (backward(x), place()), lambda kept, g: (5 * g * kept + place(),))

def each(x):
    two = np.float32(2)
    turns = lax.while_loop(lambda c: c[0] < place(), lambda c: (c[0] + 1, c[1] + x), (0, 0 * x))[1]
    steps = lax.while_loop(lambda c: c < lax.axis_index("i"), lambda c: c + 2, 0)
    summed, sizes = lax.scan(lambda c, _: (c + place(), size("i")), np.float32(0), None, length=2)
    chosen = lax.switch(lax.axis_index("i"), [lambda x: x, lambda x: 2 * x, lambda x: 3 * x], x)
    return (
        *(jax.jvp(forward, (two,), (x,)), jax.vjp(backward, x)[1](x)[0]),
        *(turns, steps, summed, sizes, chosen),
        lax.cond(lax.axis_index("i") > 0, lambda: two, lambda: np.float32(7)),
        jax.grad(jax.checkpoint(lambda x: x * x * place()))(x),
    )

# Of no argument; and what is compiled in a map of one size is another program in one of another.
alone = [jax.vmap(compiled, axis_name="i", axis_size=n)() for n in (2, 3)]
return alone, jax.vmap(each, axis_name="i")(a)
"""
_EXCHANGED = """
def each(x):
    tree = {"x": x, "whole": x.astype(jnp.int32), "flag": x > 3, "complex": x + 2j, "none": None, "one": 1}
    return (
        *(lax.psum(tree, "i"), lax.pmax({"x": x, "n": (x.astype(jnp.int32), 3)}, "i")),
        *(lax.all_gather((x, jnp.ones(2), 5), "i"), lax.pshuffle({"x": x}, "i", [2, 0, 1])),
        lax.pswapaxes(jnp.stack([x, 2 * x, 3 * x]), "i", 0),
    )

def of_three(x):
    names = ("i", "k"), ("k", "i"), "j", ("k", "j", "i")
    return [lax.psum(x, each) for each in names], lax.pmax(x, ("k", "i"))

for axis, name in enumerate("ijk"):
    of_three = jax.vmap(of_three, axis, axis, axis_name=name)
return jax.vmap(each, axis_name="i")(a), of_three(b)
"""
_SHARED = """
if jax.__version_info__ < (0, 8, 2):
    raise NotImplementedError("a loop or a branch gives an example its own of what all share")

@jax.custom_batching.custom_vmap
def parts(x, y):
    return x * y, 2 * y

@parts.def_vmap
def _(size, mapped, x, y):
    return (x * y, 2 * y), (True, mapped[1])

@jax.custom_jvp
def forward(x, y):
    return x * y, 2 * y

@jax.custom_vjp
def backward(x, y):
    return x * y, 2 * y

@jax.custom_vjp
def kept(x, y):
    return x * y, 2 * y

forward.defjvp(lambda p, t: (forward(*p), t))
backward.defvjp(lambda x, y: (backward(x, y), None), lambda _, g: g)
kept.defvjp(lambda x, y: (kept(x, y), None), lambda _, g: g, optimize_remat=True)
turn = lambda c: (c[0] + 1, c[1] + c[2], c[2])
loop = lambda x, y: lax.while_loop(lambda c: c[0] < x, turn, (0, x, 2 * y))[1:]
functions = (
    parts, forward, backward, lambda x, y: jax.vjp(kept, x, y)[0], jax.jit(lambda x, y: (x * y, 2 * y)),
    jax.checkpoint(lambda x, y: (x * y, 2 * y)),
    lambda x, y: lax.cond(x > 3, lambda x, y: (x * y, y), lambda x, y: (2 * x, y), x, 2 * y),
    lambda x, y: lax.scan(lambda c, z: ((c[0] + z, c[1]), None), (x, 2 * y), jnp.stack([x, y]))[0],
    lambda x, y: lax.fori_loop(0, 2, lambda i, c: (c[0] * c[1], c[1]), (x, 2 * y)),
    loop,
    lambda x, y: jax.jvp(lambda z: (x * z, 2 * z), (y,), (y,))[1],
)
# Of what no example changes there is one for all.
each = [jax.vmap(f, (0, None), (0, None))(a, b) for f in functions]
named = lambda x: (lax.psum(x, "i"), lax.all_gather(x, "i"), lax.psum(1, "i"), None)
linear = jax.vmap(lambda x, y: jax.jvp(lambda z: 7 * z, (x,), (y,)), (0, None), (-1, None))
return each, jax.vmap(named, axis_name="i", out_axes=None)(a), linear(a, b)
"""


def _numbered(a: Any) -> Any:
    i = np.arange(3)
    each = (
        *((2 * i, 3 * a * i), 5 * a * i + i, i * a, 2 * ((i + 1) // 2), 2 * i),
        *(np.full((3, 2), 3), (i + 1) * a, np.where(i > 0, 2, 7), 2 * a * i),
    )
    return exactly(([10 * np.arange(n) + n for n in (2, 3)], each))


def _exchanged(a: Any, b: Any) -> Any:
    def everywhere(value: Any) -> Any:
        return np.broadcast_to(value, (3, *np.shape(value)))

    summed = {
        "complex": a.sum() + 6j,
        "flag": (a > 3).sum(),
        "one": 3,
        "whole": a.sum(),
        "x": a.sum(),
    }
    each = (
        {**{name: everywhere(value) for name, value in summed.items()}, "none": None},
        {"n": (everywhere(a.max()), everywhere(3)), "x": everywhere(a.max())},
        tuple(map(everywhere, (a, np.ones((3, 2)), np.full(3, 5)))),
        *({"x": a[[2, 0, 1]]}, np.outer(np.arange(1, 4), a)),
    )
    sums = [
        np.broadcast_to(b.sum(axis, keepdims=True), b.shape) for axis in ((0, 2), (0, 2), 1, None)
    ]
    return exactly((each, (sums, np.broadcast_to(b.max((0, 2), keepdims=True), b.shape))))


def _shared(a: Any, b: Any) -> Any:
    """What each of the functions gives: their second results are 2 b, whatever x is."""
    firsts = (
        *[a * b] * 6,
        *(np.where(a > 3, 2 * a * b, 2 * a), 2 * a + b, 4 * a * b * b),
        *(a + 2 * b * np.maximum(a, 0), a * b),
    )
    each = [(first, 2 * b) for first in firsts]
    return exactly((each, (a.sum(), a, 3, None), (7 * a, 7 * b)))


NAMED_AXES: tuple[FunctionSubject, ...] = (
    rule("axis_index.within", _NUMBERED, of("whole", 3), answer=_numbered),
    rule("psum.of-trees", _EXCHANGED, *(of("whole", 3), of("whole", 2, 2, 2)), answer=_exchanged),
    rule("cond.stays-shared", _SHARED, *(of("whole", 3), of("whole")), answer=_shared),
)
