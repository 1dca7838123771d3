"""What a function does under a map with variables: it reads, copies, takes out and derives by them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import raw, read, write
from conformance.transforms.nnx.uses.base import FEATURES, Setting, Total, Use, variables


class Scaled(nnx.Variable[Any]):
    """Its value is twice what it holds, which is one more than what is written."""

    def on_get_value(self, value: Any) -> Any:
        """Give the value."""
        return 2 * value

    def on_set_value(self, value: Any) -> Any:
        """Give what to hold."""
        return value + 1


def _third(_: Any, value: Any) -> Any:
    return 3 * value


def _less(_: Any, value: Any) -> Any:
    return value - 1


def value_hooks(s: Setting) -> Any:
    """Hooks of a class and of a variable are run once where a function reads or writes, and nowhere else."""
    held, xs = [s.whole(n, s.size) for n in (4, 5)], s.whole(6, s.size)

    def called(first: Any, second: Any, x: Any) -> Any:
        y = read(first) + read(second) + x
        write(first, y)
        write(second, y + 1)
        return y, read(first), read(second)

    def mapped() -> Any:
        compiled: Any = nnx.jit
        hooks: dict[str, Any] = {"on_get_value": _third, "on_set_value": _less}
        both = Scaled(held[0]), nnx.Param(held[1], **hooks)
        functions = called, compiled(called, **s.mode)
        y = [s.map(function, in_axes=0)(*both, xs) for function in functions]
        return y, [raw(each) for each in both]

    first, second = held
    y = []
    for _ in range(2):
        total = 2 * first + 3 * second + xs
        first, second = total + 1, total
        y.append((total, 2 * first, 3 * second))
    return mapped, (y, [first, second])


def order_of_metadata(s: Setting) -> Any:
    """Variables that have the same metadata are of one kind, in whatever order it was given."""
    values = s.whole(4, s.size, FEATURES), s.whole(5, s.size, FEATURES)
    numbers = s.whole(6, s.size)

    def called(first: Any, second: Any, x: Any) -> Any:
        added = jax.tree_util.tree_map(jnp.add, first, second)
        chosen = jax.lax.cond(x > 0, lambda: first, lambda: second)
        carried, _ = jax.lax.scan(lambda carry, _: (second, None), first, None, length=2)
        return [read(each) for each in (added, chosen, carried)]

    def mapped() -> Any:
        given: list[Any] = [{"of": "one", "by": 2}, {"by": 2, "of": "one"}]
        both = [nnx.Param(value, **each) for value, each in zip(values, given, strict=True)]
        return s.map(called, in_axes=0)(*both, numbers)

    chosen = jnp.where(numbers[:, None] > 0, *values)
    return mapped, [values[0] + values[1], chosen, values[1]]


def gradient_of_variable(s: Setting) -> Any:
    """Gradients by variables by themselves, which are of several kinds, one of them shared by all."""
    derive: Any = nnx
    own, shared, xs = s.whole(4, s.size, FEATURES), s.whole(5, FEATURES), s.inputs()

    def loss(own: Any, shared: Any, x: Any) -> Any:
        return jnp.sum(read(own) ** 2 * x + read(own) * read(shared))

    def called(own: Any, shared: Any, x: Any) -> Any:
        first = derive.grad(loss, **s.mode)(own, shared, x)
        value, (by_own, by_shared) = derive.value_and_grad(loss, argnums=(0, 1), **s.mode)(
            own, shared, x
        )
        return value, [read(each) for each in (first, by_own, by_shared)]

    def mapped() -> Any:
        call = s.map(called, in_axes=(0, None, 0))
        return [
            call(kind(own), other(shared), xs)
            for kind, other in ((nnx.Param, Total), (Total, nnx.Param))
        ]

    slope = 2 * own * xs + shared
    each = jnp.sum(own**2 * xs + own * shared, 1), [slope, slope, own]
    return mapped, [each, each]


def copied_and_popped(s: Setting) -> Any:
    """A function copies its module, changes the copy alone, and takes out what it has put in."""

    def called(net: Any, x: Any) -> Any:
        net.seen = nnx.Intermediate(x)
        popped: Any = nnx.pop(net, nnx.Intermediate)
        twin = nnx.clone(net)
        for _ in range(2):
            twin(x + 1)
        write(twin.w, 2 * read(twin.w))
        return net(x), read(popped["seen"]), variables(twin), np.array(hasattr(net, "seen"))

    def mapped() -> Any:
        net = s.ensemble()
        call = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))
        return call(net, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net, twin, x = s.member(i), s.member(i), s.inputs()[i]
        for _ in range(2):
            twin(x + 1)
        write(twin.w, 2 * read(twin.w))
        return (net(x), x, variables(twin), np.array(False)), variables(net)

    given, left = s.loop(one)
    return mapped, (given, s.placed(left))


USES: dict[str, Use] = {
    "use.value-hooks": value_hooks,
    "use.order-of-metadata": order_of_metadata,
    "use.gradient-of-variable": gradient_of_variable,
    "use.copied-and-popped": copied_and_popped,
}

NEEDS: dict[str, str] = {
    # Before, a variable by itself was no argument.
    "use.value-hooks": "0.10.5",
    "use.order-of-metadata": "0.12",
    "use.gradient-of-variable": "0.12",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
