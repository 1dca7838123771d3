"""How users write a lift and its call."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Coder,
    Net,
    OfTree,
    Setting,
    Use,
    error_of,
    member,
)


def one_key(s: Setting) -> Any:
    """One key stands for the stream of parameters, in `init` and in `apply`."""

    def mapped() -> Any:
        lifted = s.ensemble(Net)()
        variables = lifted.init(s.key, s.inputs())
        given = lifted.apply(variables, s.inputs(), rngs=s.key, mutable=["cache"])
        return variables, given

    each = s.members(Net(), s.inputs())
    run = s.loop(lambda i: Net().apply(member(each, i), s.inputs()[i], mutable=["cache"]))
    return mapped, (s.placed(each), run)


def in_trees(s: Setting) -> Any:
    """The input is a dictionary with a list, and the axes are a tree of the same form."""
    z = s.whole(4, OUTPUTS)

    def mapped() -> Any:
        axes = ({"x": 1, "rest": [None]},)
        lifted = s.ensemble(OfTree, in_axes=axes, out_axes={"y": 0, "sums": [1]})()
        tree = {"x": s.inputs().T, "rest": [z]}
        return lifted.init_with_output(s.key, tree)

    keys = s.keys(s.key)
    y, variables = s.loop(
        lambda i: OfTree().init_with_output(keys[i], {"x": s.inputs()[i], "rest": [z]})
    )
    return mapped, ({"y": y["y"], "sums": [y["sums"][0].T]}, s.placed(variables))


def shared_result(s: Setting) -> Any:
    """A result that is the same for all examples has `out_axes=None`, also under a gradient."""
    w = s.whole(7, FEATURES, OUTPUTS)

    def both(module: Any, x: Any) -> Any:
        return module.encode(x), jnp.sum(module.w)

    class Outer(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            shared: dict[str, Any] = {
                "variable_axes": {"params": None},
                "split_rngs": {"params": False},
            }
            function = nn.vmap(both, in_axes=0, out_axes=(0, None), **shared)
            return function(Coder(name="inner"), x)

    apply: Any = Outer().apply

    def mapped() -> Any:
        def total(w: Any) -> Any:
            y, each = apply({"params": {"inner": {"w": w}}}, s.inputs())
            return jnp.sum(y) + 3 * each, (y, each)

        gradient, (y, each) = jax.grad(total, has_aux=True)(w)
        return {"y": y, "each": each, "gradient": gradient}

    y = s.loop(lambda i: jnp.dot(s.inputs()[i], w))
    gradient = jnp.broadcast_to(s.inputs().sum(0)[:, None], w.shape) + 3
    return mapped, {"y": y, "each": w.sum(), "gradient": gradient}


def size_alone(s: Setting) -> Any:
    """No input is mapped: `axis_size` says how many members there are, or the variables that are given."""
    x = s.inputs()[0]

    def mapped() -> Any:
        made = s.ensemble(Net, in_axes=None, axis_size=s.size)().init_with_output(s.key, x)
        given = s.ensemble(Net, in_axes=None)().apply(made[1], x, mutable=["cache"])
        return made, given

    keys = s.keys(s.key)

    def one(i: int) -> Any:
        y, variables = Net().init_with_output(keys[i], x)
        return (y, variables), Net().apply(variables, x, mutable=["cache"])

    (y, variables), given = s.loop(one)
    return mapped, ((y, s.placed(variables)), given)


def several_methods(s: Setting) -> Any:
    """Several methods are lifted, each with axes of its own, or all alike by their names."""
    each = s.members(Coder(), s.inputs())
    y = s.whole(8, s.size, OUTPUTS)

    def mapped() -> Any:
        axes: dict[str, Any] = {"variable_axes": {"params": s.axis}, "split_rngs": {"params": True}}
        methods = {"encode": {**axes, "in_axes": 1}, "decode": {**axes, "out_axes": 1}}
        apart: Any = nn.vmap(Coder, methods=methods)()
        alike: Any = nn.vmap(Coder, **axes, methods=["encode", "decode"])()
        variables = s.placed(each)
        return [
            apart.apply(variables, s.inputs().T, method="encode"),
            apart.apply(variables, y, method="decode").T,
            alike.apply(variables, s.inputs(), method="encode"),
            alike.apply(variables, y, method=alike.decode),
        ]

    encoded = s.loop(lambda i: jnp.dot(s.inputs()[i], each["params"]["w"][i]))
    decoded = s.loop(lambda i: jnp.dot(each["params"]["w"][i], y[i]))
    return mapped, [encoded, decoded, encoded, decoded]


def as_decorator(s: Setting) -> Any:
    """The lift decorates the method of a class."""

    def mapped() -> Any:
        class Decorated(nn.Module):
            @functools.partial(
                nn.vmap,
                variable_axes={"params": s.axis, "cache": 0},
                split_rngs={"params": True},
            )
            @nn.compact
            def __call__(self, x: Any) -> Any:
                return Net(name="net")(x)

        return Decorated().init_with_output(s.key, s.inputs())

    class Undecorated(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return Net(name="net")(x)

    keys = s.keys(s.key)
    y, each = s.loop(lambda i: Undecorated().init_with_output(keys[i], s.inputs()[i]))
    return mapped, (y, s.placed(each))


def counted_names(s: Setting) -> Any:
    """A lifted method that makes modules is called twice: all of them have names of their own."""

    def repeating(lift: Any) -> Any:
        class Repeating(nn.Module):
            @lift  # type: ignore[untyped-decorator]
            def step(self, x: Any) -> Any:
                return Net()(x) + Net()(x + 1)

            @nn.compact
            def __call__(self, x: Any) -> Any:
                return [self.step(x), self.step(x - 1)]

        return Repeating

    def mapped() -> Any:
        axes: Any = {"params": s.axis, "cache": 0}
        lift = functools.partial(nn.vmap, variable_axes=axes, split_rngs={"params": True})
        return repeating(lift)().init_with_output(s.key, s.inputs())

    keys, plain = s.keys(s.key), repeating(lambda method: method)()
    y, each = s.loop(lambda i: plain.init_with_output(keys[i], s.inputs()[i]))
    return mapped, (y, s.placed(each))


class Scaled(nn.Module):
    """A `Net` whose input is scaled, by what its constructor is given."""

    first: float = 1.0
    second: float = 1.0

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give y for `x` of shape (FEATURES,)."""
        return Net(name="net")(self.first * x + self.second)


def partial_class(s: Setting) -> Any:
    """What is lifted is a class with attributes given beforehand, by their names and by their places."""
    given = (functools.partial(Scaled, second=3.0), functools.partial(Scaled, 2.0, second=5.0))

    def mapped() -> Any:
        return [s.ensemble(each)().init_with_output(s.key, s.inputs()) for each in given]

    keys = s.keys(s.key)
    pairs = [s.loop(lambda i: one().init_with_output(keys[i], s.inputs()[i])) for one in given]  # noqa: B023 (called at once)
    return mapped, [(y, s.placed(each)) for y, each in pairs]


class Holder(nn.Module):
    """A module that holds a `Coder`."""

    def setup(self) -> None:
        """Make it."""
        self.coder = Coder()


def module_argument(s: Setting) -> Any:
    """A lifted method is given a module, which another one holds; its parameters are shared or stacked."""
    w = s.whole(7, s.size, FEATURES, OUTPUTS)

    def of(axis: int | None) -> Any:
        class Top(nn.Module):
            def setup(self) -> None:
                self.holder = Holder()

            @functools.partial(
                nn.vmap,
                variable_axes={"params": axis},
                split_rngs={"params": False},
                in_axes=(None, 0),
            )
            def encode(self, coder: Any, x: Any) -> Any:
                return coder.encode(x)

            def __call__(self, x: Any) -> Any:
                return self.encode(self.holder.coder, x)

        return Top()

    def mapped() -> Any:
        stacked = jnp.moveaxis(w, 0, s.axis)
        return [
            of(axis).apply({"params": {"holder": {"coder": {"w": value}}}}, s.inputs())
            for axis, value in ((None, w[0]), (s.axis, stacked))
        ]

    return mapped, [jnp.dot(s.inputs(), w[0]), jnp.einsum("bf,bfo->bo", s.inputs(), w)]


def bound_method(s: Setting) -> Any:
    """An instance is no target of a lift: it is refused."""

    def mapped() -> Any:
        return np.array(error_of(lambda: nn.vmap(Net())) == "TransformTargetError")

    return mapped, np.array(True)


USES: dict[str, Use] = {
    "use.one-key": one_key,
    "use.in-trees": in_trees,
    "use.shared-result": shared_result,
    "use.size-alone": size_alone,
    "use.several-methods": several_methods,
    "use.as-decorator": as_decorator,
    "use.counted-names": counted_names,
    "use.partial-class": partial_class,
    "use.module-argument": module_argument,
    "use.bound-method": bound_method,
}
