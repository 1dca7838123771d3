"""Functions that call back into Python: what is called, how often and with what is part of what they do."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import of, rule

_HEAD = """
def note(tag):
    def noted(*values, **named):
        given = [float(np.sum(x)) for x in (*values, *named.values())]
        function.seen.append(100 * tag + sum(given))
    return noted

"""
_CALLBACKS = """
def answered(x):
    note(3)(x)
    return 2 * np.asarray(x)

io_callback(note(1), None, a)
io_callback(note(2), None, {"x": a, "y": b}["x"], b, np.float32(5))
y = io_callback(answered, a, a)
io_callback(answered, a, b)
jax.debug.callback(note(4), a, jnp.arange(3.0), by=b)
jax.debug.callback(note(5), a * jnp.arange(3.0))
jax.vmap(lambda x: jax.debug.callback(note(6), x, b))(jnp.stack([a, a + 1]))
return a + y
"""
_WITHIN = """
@jax.custom_batching.custom_vmap
def own(x):
    io_callback(note(1), None, x)
    return 2 * x

@own.def_vmap
def _(size, mapped, x):
    jax.vmap(lambda x: io_callback(note(2), None, x))(x)
    return 2 * x, True

@jax.custom_batching.sequential_vmap
def sequential(x):
    io_callback(note(3), None, x)
    return x

def called(tag):
    def step(i, x):
        io_callback(note(tag), None, x)
        return x + 1
    return step

def seen(tag):
    # What a map may run more often, such as a branch, takes no other callback.
    def step(x):
        jax.debug.callback(note(tag), x)
        return x + 1
    return step

own(a), sequential(a)
jax.jit(called(4))(0, a)
jax.checkpoint(seen(5))(a)
lax.cond(jnp.bool_(True), seen(6), lambda x: x, a)
lax.fori_loop(0, 2, called(7), a)
lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, seen(8)(c[1])), (0, a))
lax.scan(lambda x, _: (called(9)(0, x), None), a, None, length=3)
lax.map(lambda x: called(10)(0, a + x), jnp.arange(2.0))
return b
"""
_DERIVATIVES = """
@jax.custom_vjp
def square(x):
    jax.debug.callback(note(1), x)
    return x * x

def forward(x):
    jax.debug.callback(note(2), x)
    return x * x, x

def backward(x, g):
    io_callback(note(3), None, x, g)
    return (2 * x * g,)

square.defvjp(forward, backward)

@jax.custom_jvp
def double(x):
    return 2 * x

@double.defjvp
def _(primals, tangents):
    jax.debug.callback(note(4), *primals)
    return double(*primals), 2 * tangents[0]

def seen(x):
    jax.debug.callback(note(5), x)
    return x

square(a)
jax.value_and_grad(square)(a)
jax.jvp(double, (a,), (b,))
jax.grad(lambda x: 3 * seen(x))(b)
return b
"""


def _of_callbacks(a: float, b: float) -> list[float]:
    noted = [(1, a), (2, a + b + 5), (3, a), (3, b), (4, a + 3 + b), (5, 3 * a)]
    return [100 * tag + x for tag, x in [*noted, (6, a + b), (6, a + 1 + b)]]


def _of_within(a: float, b: float) -> list[float]:
    once = [(tag, a) for tag in (2, 3, 4, 5, 6)]
    turns = [(tag, a + i) for tag, count in ((7, 2), (8, 2), (9, 3), (10, 2)) for i in range(count)]
    return [100 * tag + x for tag, x in [*once, *turns]]


def _of_derivatives(a: float, b: float) -> list[float]:
    return [100 * tag + x for tag, x in [(1, a), (2, a), (3, a + 1), (4, a), (5, b)]]


_NUMBERS: tuple[Array, ...] = (of("distinct"), of("distinct"))
_ENTRIES: tuple[tuple[str, str, Callable[[float, float], list[float]]], ...] = (
    ("callbacks", _CALLBACKS, _of_callbacks),
    ("callbacks-within", _WITHIN, _of_within),
    ("callbacks-of-derivatives", _DERIVATIVES, _of_derivatives),
)


def _effect(name: str, source: str) -> FunctionSubject:
    subject = rule(name, _HEAD + source.strip(), *_NUMBERS, exact=True)
    vars(subject.function)["seen"] = []
    return attrs.evolve(subject, name=f"effect-{name}", kind="effect")


EFFECTS = tuple(_effect(name, source) for name, source, _ in _ENTRIES)
NOTES: Mapping[str, Any] = {f"effect-{name}": notes for name, _, notes in _ENTRIES}
"""What a call with one example's numbers notes, in any order, by the name of the subject."""
