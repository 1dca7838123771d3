"""Modules and variables that lifted methods are given or hold, and what lifts refuse, under a map."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Use,
    error_of,
    roll,
)


class Counter(nn.Module):
    """x w and how often it was called before."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the sum for `x` of shape (FEATURES,)."""
        count = self.variable("cache", "count", jnp.zeros, ())
        count.value = count.value + 1
        return jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS))) + count.value - 1


class Holding(nn.Module):
    """A module that holds a tree of others, and has one of its own."""

    held: Any

    @nn.jit
    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what they give, one after the other."""
        first, others = self.held["first"], self.held["others"]
        return [first(x), *[each(x) for each in others], Counter(name="own")(x)]


class Adding(nn.Module):
    """A module that holds a variable of another one, and gives it to one that adds to it."""

    total: Any
    depth: int

    @nn.jit
    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Add the sum of x to the total, and give the total."""
        if self.depth:
            return Adding(self.total, self.depth - 1)(x)
        self.total.value = self.total.value + jnp.sum(x)
        return self.total.value


class Passing(nn.Module):
    """A module that gives its variables and parts to lifted methods and to lifted modules."""

    given: Any

    @nn.jit
    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what each gives."""
        total = self.variable("cache", "total", jnp.zeros, ())
        lifted: Any = nn.remat(Counter)
        first, second = Counter(name="first"), lifted(name="second")
        held = {"first": first, "others": [second, self.given]}
        again: Any = nn.remat(Holding)
        return (
            [self.add(x, {"total": total}), Adding(total, 1, name="adding")(x)],
            [self.call([first, second], x)],
            [*Holding(held, name="once")(x), *again(held, name="again")(x)],
        )

    @nn.jit
    def add(self, x: Any, variables: Any) -> Any:
        """Add the sum of x to a variable."""
        variables["total"].value = variables["total"].value + jnp.sum(x)
        return variables["total"].value

    @nn.remat
    def call(self, parts: Any, x: Any) -> Any:
        """Give what the last of the parts gives."""
        return parts[-1](x)


PARTS = ("first", "second", "given", "once", "again")


def passed_along(s: Setting) -> Any:
    """Lifted methods and modules are given variables and parts of others, and parts made outside of all."""
    x, w = s.inputs(), s.whole(4, len(PARTS), s.size, FEATURES, OUTPUTS)

    def named(leaf: str, values: Any) -> Any:
        each = [{leaf: value} for value in values]
        return dict(zip(PARTS, [*each[:3], *({"own": own} for own in each[3:])], strict=True))

    counts = {**named("count", np.zeros((len(PARTS), s.size), np.float32))}
    cache = {**counts, "total": np.ones(s.size, np.float32)}

    def mapped() -> Any:
        lifted = s.ensemble(Passing)(Counter())
        made = jax.eval_shape(lifted.init, s.key, x)
        right = {name: set(made[name]) for name in ("params", "cache")}
        variables = s.placed({"params": named("w", w), "cache": cache})
        y, state = jax.jit(partial(lifted.apply, mutable=["cache"]))(variables, x)
        return y, state, np.array(right == {"params": set(PARTS), "cache": {*PARTS, "total"}})

    first, second, given, *own = np.einsum("bf,nbfo->nbo", x, w)
    sums = np.asarray(x).sum(1)
    y = [second], [first, second + 1, given, own[0], first + 1, second + 2, given + 1, own[1]]
    totals = [1 + sums, 1 + 2 * sums]
    after = np.repeat(np.array([[2], [3], [2], [1], [1]], np.float32), s.size, 1)
    return mapped, (
        (totals, *y),
        {"cache": {**named("count", after), "total": totals[1]}},
        np.array(True),
    )


def _refusals(lift: Callable[[Any], Any]) -> dict[str, Any]:
    """Modules of which a lift refuses the call, by the error that it must raise."""

    class GivesModule(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return self.made()(x)

        @lift
        def made(self) -> Any:
            return Counter()

    class GivesVariable(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return self.made().value + x

        @lift
        def made(self) -> Any:
            return self.variable("cache", "total", jnp.zeros, ())

    class NamesTwice(nn.Module):
        @lift
        def helper(self, x: Any, part: Any) -> Any:
            Counter(name="part")
            return part(x)

        @lift
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return self.helper(x, Counter(name="part"))

    class SetsTwice(nn.Module):
        def setup(self) -> None:
            self.parts = [Counter()]
            self.parts = [Counter()]

        @lift
        def __call__(self, x: Any) -> Any:
            return x

    class OfInstance(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return lift(Counter())(x)

    return {
        "TransformedMethodReturnValueError": [GivesModule, GivesVariable],
        "NameInUseError": [NamesTwice, SetsTwice],
        "TransformTargetError": [OfInstance],
    }


def refused(s: Setting) -> Any:
    """Lifts refuse methods that give modules or variables, names in use, instances, and what is missing."""
    x, lifts = s.inputs(), (nn.jit, nn.remat)
    other = {"params": {"other": jnp.zeros((s.size, s.size))}}

    def mapped() -> Any:
        raised = {
            f"{lift.__name__} {error}": np.array(
                [
                    error_of(partial(jax.eval_shape, s.ensemble(each)().init, s.key, x)) == error
                    for each in modules
                ]
            )
            for lift in lifts
            for error, modules in _refusals(lift).items()
        }
        for lift in lifts:
            apply: Any = s.ensemble(lift(Counter))().apply
            missing = error_of(partial(apply, other, x, mutable=["cache"]))
            raised[lift.__name__] = np.array(missing == "ScopeParamNotFoundError")
        return raised

    right = {
        f"{lift.__name__} {error}": np.ones(len(modules), bool)
        for lift in lifts
        for error, modules in _refusals(lift).items()
    }
    return mapped, {**right, **{lift.__name__: np.array(True) for lift in lifts}}


USES: dict[str, Use] = {"use.passed-along": passed_along, "use.refused-by-lifts": refused}

NEEDS: dict[str, str] = {
    # Before, a compiled method could not call itself of another module.
    "use.passed-along": "0.9"
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
