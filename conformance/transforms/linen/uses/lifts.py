"""What other lifts of Linen do to the modules that they lift and to their variables, under a map."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Net,
    Setting,
    Use,
    member,
)
from conformance.transforms.linen.uses.loops import Product


def double(tree: Any) -> Any:
    """Twice each leaf."""
    return jax.tree_util.tree_map(lambda leaf: 2 * leaf, tree)


def increment(tree: Any) -> Any:
    """One more than each leaf."""
    return jax.tree_util.tree_map(lambda leaf: leaf + 1, tree)


class Mapping(nn.Module):
    """A module whose parameters are mapped where they are made, and one whose total is mapped."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what both give; a total is doubled before the call, and incremented after it."""
        made: Any = nn.map_variables(
            Product, "params", double, increment, init=self.is_initializing()
        )
        kept: Any = nn.map_variables(Net, "cache", double, increment, mutable=True)
        return made(name="made")(x), kept(name="kept")(x)


class Unmapped(nn.Module):
    """The same modules, of which no variable is mapped."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what both give."""
        return Product(name="made")(x), Net(name="kept")(x)


def mapped_variables(s: Setting) -> Any:
    """Variables are mapped on their way into a module and out of it; filters say what may be written."""
    x, every = s.inputs(), nn.DenyList("other")

    def mapped() -> Any:
        lifted = s.ensemble(Mapping)()
        variables = lifted.init(s.key, x)
        given, state = lifted.apply(variables, x, mutable=["cache"])
        plain: Any = s.ensemble(Net)
        around: Any = nn.map_variables(plain, "params", trans_in_fn=double)
        values = s.placed(each)
        own = {name: tree["kept"] for name, tree in values.items()}
        outer, after = around().apply(own, x, mutable=every)
        return variables, given, state, outer, after["cache"]

    keys = s.keys(s.key)
    each = s.loop(lambda i: Unmapped().init(keys[i], x[i]))
    kept = each["params"]["kept"]
    y = jnp.einsum("bf,bfo->bo", x, kept["w"]) + kept["b"]
    made = 2 * (each["params"]["made"]["w"] + 1)
    params = {"params": {"made": {"w": made + 1}, "kept": kept}}
    total, again = y + 1, 2 * (y + 1) + y + 1
    variables = {**s.placed(params), "cache": {"kept": {"total": total}}}
    given = 2 * jnp.einsum("bf,bfo->bo", x, made + 1), y
    state = {"cache": {"kept": {"total": again}}}
    return mapped, (variables, given, state, 2 * y, {"total": y + 2 * y})


class Automatic(nn.Module):
    """Lifted modules without names of their own."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the sum of what they give."""
        whole: dict[str, Any] = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
        lifts: list[Any] = [
            functools.partial(nn.vmap, in_axes=None, axis_size=2, **whole),
            nn.jit,
            nn.remat,
            functools.partial(nn.map_variables, mapped_collections="params", init=True),
        ]
        return sum(lift(Product)()(x) for lift in (*lifts, *lifts))


def names_by_lift(s: Setting) -> Any:
    """Lifted modules that are given no name are called by their lift and their class, and counted."""
    lifts = ("Vmap", "Jit", "Checkpoint", "Map_variables")
    names = {f"{lift}Product_{number}" for lift in lifts for number in (0, 1)}

    def mapped() -> Any:
        made = jax.eval_shape(s.ensemble(Automatic)().init, s.key, s.inputs())
        return np.array(set(made["params"]) == names)

    return mapped, np.array(True)


class Using(nn.Module):
    """A module that uses those that it is given, of which it is given one twice."""

    parts: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the sum of what they and one of its own give."""
        first, again = self.parts["pair"]
        return first(x) + 2 * again(x + 1) + 3 * self.parts["last"](x) + Product(name="own")(x)


class Giving(nn.Module):
    """A module that gives its parts to a lifted one, and uses them itself."""

    axes: Any

    def setup(self) -> None:
        """Make them."""
        self.first, self.second = Product(), Product()
        shared: Any = nn.vmap(
            Using, variable_axes={"params": None}, split_rngs={"params": False}, in_axes=self.axes
        )
        self.lifted = shared({"pair": (self.first, self.first), "last": self.second})

    def __call__(self, x: Any) -> Any:
        """Give what the lifted module gives, and what a part gives by itself."""
        return self.lifted(x), self.first(x[0])


def held_modules(s: Setting) -> Any:
    """A lifted module holds modules of another one in a tree, one of them twice."""

    def mapped() -> Any:
        return Giving(0).init_with_output(s.key, s.inputs())

    class Plain(nn.Module):
        def setup(self) -> None:
            self.first, self.second = Product(), Product()
            self.lifted = Using({"pair": (self.first, self.first), "last": self.second})

        def __call__(self, x: Any) -> Any:
            return self.lifted(x), self.first(x)

    variables = Plain().init(s.key, s.inputs()[0])
    y = s.loop(lambda i: Plain().apply(variables, s.inputs()[i])[0])
    return mapped, ((y, Plain().apply(variables, s.inputs()[0])[1]), variables)


class Deriving(nn.Module):
    """Derivatives of a module, with respect to its parameters and to its input."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give one of each kind."""
        net = Net(name="net")
        net(x)
        ones = jnp.ones(OUTPUTS)
        linen: Any = nn
        y, back = linen.vjp(lambda net, x: net(x), net, x, vjp_variables="params")
        by_params, by_x = back(ones)
        tangents = {"params": jax.tree_util.tree_map(jnp.ones_like, net.variables["params"])}
        _, along = linen.jvp(lambda net, x: net(x), net, (x,), (2 * x,), tangents)
        total, (slope,) = linen.value_and_grad(lambda net, x: net(x).sum(), net, x)

        def forward(net: Any, x: Any) -> Any:
            return nn.vjp(lambda net, x: net(x), net, x)

        def signs(back: Any, given: Any) -> Any:
            return jax.tree_util.tree_map(jnp.sign, back(given))

        own: Any = nn.custom_vjp(lambda net, x: net(x), forward, signs)
        (sign,) = nn.grad(lambda net, x: own(net, x).sum(), net, x)
        return y, by_params, by_x, along, total, slope, sign


def derivatives(s: Setting) -> Any:
    """Derivatives within a mapped module are by its parameters, its input or a rule of its own."""
    x = s.inputs()
    each = s.members(Net(), x)

    def mapped() -> Any:
        variables = {name: {"net": tree} for name, tree in s.placed(each).items()}
        return s.ensemble(Deriving)().apply(variables, x, mutable=["cache"])

    def one(i: int) -> Any:
        own = member(each, i)
        (w, b), total = (own["params"][name] for name in ("w", "b")), own["cache"]["total"]
        y, ones = jnp.dot(x[i], w) + b, jnp.ones(OUTPUTS)
        by_params = {"params": {"w": x[i][:, None] * ones, "b": ones}}
        along = jnp.dot(2 * x[i], w) + jnp.dot(x[i], jnp.ones_like(w)) + 1
        by_x = w.sum(1)
        results = (y, by_params, by_x, along, y.sum(), by_x, jnp.sign(by_x))
        return results, {"cache": {"net": {"total": total + 5 * y}}}

    return mapped, s.loop(one)


class Branching(nn.Module):
    """A module that asks in Python what to do."""

    @nn.compact
    def __call__(self, x: Any, negative: bool, times: int) -> Any:
        """Give x w as often as asked, or its negative, for `x` of shape (FEATURES,)."""
        y = Product(name="product")(x)
        return -y if negative else sum([y] * times)


class Static(nn.Module):
    """Lifts of `Branching`, which are told what is static by its place or by its name."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what each lift gives."""
        remat: Any = nn.remat(Branching, static_argnums=(2, 3))(name="remat")
        jit: Any = nn.jit(Branching, static_argnums=(2, 3))(name="jit")
        named: Any = nn.jit(Branching, static_argnames=("negative", "times"))(name="named")
        return [
            *(each(x, True, 1) for each in (remat, jit)),
            *(each(x, False, 3) for each in (remat, jit)),
            *(named(x, negative=negative, times=2) for negative in (True, False)),
        ]


def static_arguments(s: Setting) -> Any:
    """A module within asks its arguments in Python, since other lifts are told that they are static."""
    x, w = s.inputs(), s.whole(4, 3, s.size, FEATURES, OUTPUTS)
    params = {name: {"product": {"w": w[i]}} for i, name in enumerate(("remat", "jit", "named"))}

    def mapped() -> Any:
        return s.ensemble(Static)().apply(s.placed({"params": params}), x)

    remat, jit, named = jnp.einsum("bf,nbfo->nbo", x, w)
    return mapped, [-remat, -jit, 3 * remat, 3 * jit, -named, 2 * named]


USES: dict[str, Use] = {
    "use.static-arguments": static_arguments,
    "use.mapped-variables": mapped_variables,
    "use.names-by-lift": names_by_lift,
    "use.held-modules": held_modules,
    "use.derivatives": derivatives,
}
