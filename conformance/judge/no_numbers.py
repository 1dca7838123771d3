"""What is told of answers that are no arrays of numbers, by the type of what came."""

from __future__ import annotations

from conformance.judge.verdict import Diagnosis

NOTHING_RETURNED = Diagnosis(
    "nothing-returned",
    "The function returned None instead of an answer.",
    "End it with `return` and the answer; one branch of it may have none.",
)
PRINTED = Diagnosis(
    "printed-not-returned",
    "The function printed something and returned None.",
    "Write `return` in place of `print`.",
)
COROUTINE = Diagnosis(
    "async-function",
    "The function is an `async def`: calling it gives a coroutine, and nothing is computed.",
    "Define it with `def`.",
)
GENERATOR = Diagnosis(
    "yields-its-answer",
    "The answer is a generator, for which nothing is computed: the function has a `yield`, or returns "
    "`(... for ...)`.",
    "Write `return` in place of `yield`, and `jnp.stack([... for ...])` in place of `(... for ...)`.",
)
FUNCTION = Diagnosis(
    "function-returned",
    "The answer is a function that was never called.",
    "Call the mapped function with the arguments: `jax.vmap(f)(x)`.",
)
LAZY = Diagnosis(
    "not-computed-yet",
    "The answer is what `map`, `zip` or `filter` gives, for which nothing is computed yet.",
    "Make an array of it: `jnp.stack(list(map(f, x)))`, or map with `jax.vmap(f)(x)`.",
)
TEXT = Diagnosis(
    "text-returned",
    "The answer holds text, not numbers.",
    "Return the numbers as they are: no `str`, no f-string, no quotes.",
)
OWN_OBJECT = Diagnosis(
    "object-returned",
    "What has the exercise's name is a class: calling it makes an object, which is no answer.",
    "Define a function of that name with `def`, which returns the answer.",
)
LEAKED = Diagnosis(
    "leaked-tracer",
    "The answer is no array, but what stands for one inside a map or `jit`: it was kept in a "
    "variable outside.",
    "Return it from the mapped function, and return what the map gives: `return jax.vmap(f)(x)`.",
)
NO_NUMBERS = {
    "None": NOTHING_RETURNED,
    "coroutine": COROUTINE,
    "generator": GENERATOR,
    "function": FUNCTION,
    "PjitFunction": FUNCTION,
    "method": FUNCTION,
    "partial": FUNCTION,
    "builtin_function_or_method": FUNCTION,
    "map": LAZY,
    "zip": LAZY,
    "filter": LAZY,
}
"""Types of answers that are not numbers, and what each comes from."""
