"""Modules of Linen that are set up once and called in several places, and modules that share a scope."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import FEATURES, Setting, Use, roll


class Part(nn.Module):
    """A module that makes its submodule and its parameter in setup."""

    def setup(self) -> None:
        """Make them."""
        self.inner = Square()
        self.b = self.param("b", roll, (FEATURES,))

    def __call__(self, x: Any) -> Any:
        """Give x w + b."""
        return self.inner(x) + self.b


class Square(nn.Module):
    """x w."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give an output of the shape of `x`."""
        return jnp.dot(x, self.param("w", roll, (FEATURES, FEATURES)))


class Holding(nn.Module):
    """A module that holds one that it has not made."""

    part: Any

    def __call__(self, x: Any) -> Any:
        """Call it."""
        return self.part(x)


def _as_it_is(module: Any) -> Any:
    return module


def _over_two(module: Any) -> Any:
    """The module mapped over two copies of its input, with one set of parameters."""
    shared: Any = nn.vmap(
        module,
        variable_axes={"params": None},
        split_rngs={"params": False},
        in_axes=None,
        axis_size=2,
    )
    return shared


class Sharing(nn.Module):
    """A module that calls its parts by itself and through others, which are lifted."""

    lifts: tuple[Callable[[Any], Any], ...]

    def setup(self) -> None:
        """Make two parts and what holds them."""
        self.late, self.early = Part(), Part()
        self.holding = [lift(Holding)(self.late) for lift in self.lifts]
        self.again = [lift(Holding)(self.early) for lift in self.lifts]

    def __call__(self, x: Any) -> Any:
        """Call one part by itself after the lifted ones, and the other one before them."""
        first = self.early(x)
        given = [each(x) for each in (*self.holding, *self.again)]
        return [
            first,
            *[y if y.ndim == 1 else y[1] for y in given],
            self.late(x),
            self.early(2 * x),
        ]


def _applied(x: Any, w: Any) -> Any:
    """The product for each member."""
    return jnp.einsum("bf,bfo->bo", x, w)


def _names(made: Any) -> Any:
    return jax.tree_util.tree_map(lambda _: None, made["params"])


def _drawn(s: Setting, names: Any) -> Any:
    """Parameters of these names for each member, stacked in front: matrices, but for vectors called b."""
    leaves, tree = jax.tree_util.tree_flatten_with_path(names, is_leaf=lambda leaf: leaf is None)
    drawn = [
        s.whole(20 + i, s.size, *[FEATURES] * (1 if path[-1].key == "b" else 2))
        for i, (path, _) in enumerate(leaves)
    ]
    return jax.tree_util.tree_unflatten(tree, drawn)


_PART = {"inner": {"w": None}, "b": None}


def shared_setup(s: Setting) -> Any:
    """Modules with a setup are called by themselves and within other lifts, in any order."""
    x, names = s.inputs(), {"late": _PART, "early": _PART}
    params = _drawn(s, names)

    def mapped() -> Any:
        lifted = s.ensemble(Sharing)((nn.remat, nn.jit, _over_two))
        made = jax.eval_shape(lifted.init, s.key, x)
        same = np.array(_names(made) == names)
        return same, lifted.apply(s.placed({"params": params}), x)

    late, early, again = (
        _applied(given, params[name]["inner"]["w"]) + params[name]["b"]
        for name, given in (("late", x), ("early", x), ("early", 2 * x))
    )
    return mapped, (np.array(True), [early, *[late] * 3, *[early] * 3, late, again])


class Inner(nn.Module):
    """A module that is given another one."""

    child: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Call it."""
        return self.child(x)


class Outer(nn.Module):
    """A module that has the scope of one that it is given, and a parameter of its own in it."""

    inner: Any

    def setup(self) -> None:
        """Take over the scope."""
        linen: Any = nn
        linen.share_scope(self, self.inner)

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what the other one gives of x w."""
        return self.inner(Square(name="own")(x)) + self.param("b", roll, (FEATURES,))


class Adapted(nn.Module):
    """A module into whose scope goes that of one that it has made, with parameters and a counter."""

    def setup(self) -> None:
        """Make it."""
        linen: Any = nn
        self.base = Counting()
        linen.share_scope(self, self.base)

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what both give."""
        return self.base(x) + jnp.dot(x, self.param("more", roll, (FEATURES, FEATURES)))


class Counting(nn.Module):
    """x w and how often it was called before."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give their sum."""
        count = self.variable("cache", "count", jnp.zeros, ())
        count.value = count.value + 1
        return jnp.dot(x, self.param("w", roll, (FEATURES, FEATURES))) + count.value - 1


class Scopes(nn.Module):
    """Modules that share a scope, made in different ways, one of which is lifted."""

    lifts: tuple[Callable[[Any], Any], ...]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what each gives."""
        given = [lift(Adapted)(name=f"adapted{i}")(x) for i, lift in enumerate(self.lifts)]
        apart: Any = Inner(Square(parent=None), parent=None)
        of_other = Outer(Square(name="base"), name="beside")
        return [*given, Outer(apart, name="outer")(x), of_other(x)]


NAMES: dict[str, Any] = {
    "outer": {"own": {"w": None}, "child": {"w": None}, "b": None},
    "base": {"own": {"w": None}, "w": None, "b": None},
    **{f"adapted{i}": {"w": None, "more": None} for i in range(3)},
}
"""What the parameters of `Scopes` are called, which says who has taken whose scope."""


def shared_scope(s: Setting) -> Any:
    """Modules share the scope of one that they are given, with what that holds, or give theirs to another."""
    x, params = s.inputs(), _drawn(s, NAMES)

    def mapped() -> Any:
        lifted = s.ensemble(Scopes)((_as_it_is, nn.remat, nn.jit))
        made = jax.eval_shape(lifted.init, s.key, x)
        given = s.placed({"params": params})
        return np.array(_names(made) == NAMES), lifted.apply(given, x, mutable=["cache"])

    adapted = [params[f"adapted{i}"] for i in range(3)]
    y = [_applied(x, each["w"] + each["more"]) for each in adapted]
    outer, base = params["outer"], params["base"]
    y.append(_applied(_applied(x, outer["own"]["w"]), outer["child"]["w"]) + outer["b"])
    y.append(_applied(_applied(x, base["own"]["w"]), base["w"]) + base["b"])
    count = {"count": jnp.ones(s.size)}
    return mapped, (np.array(True), (y, {"cache": {f"adapted{i}": count for i in range(3)}}))


def shared_scope_lifted(s: Setting) -> Any:
    """A lifted module has the scope of one that it is given, with what that holds, as without the lift."""
    x, params = s.inputs(), _drawn(s, NAMES["outer"])

    def mapped() -> Any:
        lifted = s.ensemble(Outer)(Inner(Square()))
        made = jax.eval_shape(lifted.init, s.key, x)
        return np.array(_names(made) == NAMES["outer"]), lifted.apply(
            s.placed({"params": params}), x
        )

    y = _applied(_applied(x, params["own"]["w"]), params["child"]["w"]) + params["b"]
    return mapped, (np.array(True), y)


USES: dict[str, Use] = {
    "use.shared-setup": shared_setup,
    "use.shared-scope": shared_scope,
    "use.shared-scope-lifted": shared_scope_lifted,
}

NEEDS: dict[str, str] = {"use.shared-scope": "0.10", "use.shared-scope-lifted": "0.10"}
"""The first release of Flax that has what a use is of, where the oldest has not."""
