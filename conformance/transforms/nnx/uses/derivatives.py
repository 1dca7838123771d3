"""Derivatives of a module under a map: by its variables, along them, by a rule; what they give aside."""

import dataclasses
from functools import partial
from typing import Any

import flax
import jax
import jax.numpy as jnp
from flax import nnx
from packaging.version import Version

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import FEATURES, OUTPUTS, Net, Setting, Use, variables

TREES = {"graph": False}
"""The mode of a derivative where that of the map, which updates the graph, has none of the kind."""


GRAPHS = {"graph": True, "graph_updates": True}
"""That mode of the map."""


def _called(net: Any, x: Any) -> Any:
    return net(x)


def _with_more(net: Any, x: Any) -> Any:
    y = net(x)
    return y, 2 * y


def _with_module(made: Any, net: Any, x: Any) -> Any:
    """The sum of y, and a module that is made of what `net` has."""
    y = net(x)
    return jnp.sum(y), made(net)


def _copied(net: Any) -> Net:
    return Net(**{name: 3 * value for name, value in variables(net).items()})


def _ones(net: Any) -> Net:
    return Net(**{name: jnp.ones_like(value) for name, value in variables(net).items()})


def _ruled(mode: Any) -> Any:
    """A call of a module, whose derivative is the sign of what it should be."""
    derive: Any = nnx
    function = derive.custom_vjp(_called, **mode)

    def signs(kept: Any, slope: Any) -> Any:
        net, x = kept
        by_net = {"w": jnp.sign(x[:, None] * slope), "b": jnp.sign(slope), "total": 0 * slope}
        return by_net, jnp.sign(read(net.w) @ slope)

    def backward(kept: Any, slope: Any) -> Any:
        by_net, by_x = signs(kept, slope)
        return Net(**by_net), by_x

    def with_updates(kept: Any, slopes: Any) -> Any:
        (given, _), slope = slopes
        by_net, by_x = signs(kept, slope)
        state = jax.tree_util.tree_map(lambda leaf: leaf, given)
        for name, value in by_net.items():
            write(state[name], value)
        return state, by_x

    updates = mode.get("graph_updates", False)
    function.defvjp(lambda net, x: (net(x), (net, x)), with_updates if updates else backward)
    return function


def derivatives(s: Setting) -> Any:
    """Derivatives by a module and its input, along both, and by a rule; each keeps what the module writes."""
    derive: Any = nnx
    ones, mode = jnp.arange(1.0, OUTPUTS + 1), s.mode or TREES

    def function(net: Any, x: Any) -> Any:
        y, back, more = derive.vjp(_with_more, net, x, has_aux=True, **mode)
        along = (net, x), (_ones(net), 2 * x)
        value, slope = derive.jvp(_called, *along, **mode)
        both = derive.jvp(_with_more, *along, has_aux=True, **mode)
        how = s.mode or GRAPHS
        signs = derive.grad(lambda net, x: jnp.sum(_ruled(how)(net, x)), argnums=(0, 1), **how)
        slopes = [
            ({name: read(getattr(by_net, name)) for name in ("w", "b")}, by_x)
            for by_net, by_x in (back(ones), signs(net, x))
        ]
        return slopes, (y, more), (value, slope), both

    def mapped() -> Any:
        net = s.ensemble()
        call = s.map(function, in_axes=(s.axes_of(net, s.filters()), 0))
        return call(net, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        w, y = read(net.w), net.encode(x)
        outer = {"w": x[:, None] * ones, "b": ones}
        sign = {name: jnp.sign(value) for name, value in outer.items()}
        slopes = [(outer, w @ ones), (sign, jnp.sign(w.sum(1)))]
        slope = 2 * x @ w + x @ jnp.ones_like(w) + 1
        for _ in range(4):
            net(x)
        return (slopes, (y, 2 * y), (y, slope), (y, slope, 2 * y)), variables(net)

    results, left = s.loop(one)
    return mapped, (results, s.placed(left))


def rules_within(s: Setting) -> Any:
    """A function with a rule for its derivative is compiled, made again and mapped, and these of another."""
    derive: Any = nnx
    weights = jnp.arange(1.0, OUTPUTS + 1)
    jit, remat = partial(derive.jit, **s.mode), partial(derive.remat, **s.mode)
    ruled = _ruled(s.mode or GRAPHS)

    def called(net: Any, x: Any) -> Any:
        def loss(function: Any, net: Any, x: Any) -> Any:
            return jnp.sum(weights * function(net, x))

        given = []
        for function in (jit(ruled), remat(jit(ruled))):
            slope = derive.grad(partial(loss, function), argnums=(0, 1), **s.mode)
            by_net, by_x = slope(net, x)
            given.append((read(by_net.w), by_x, function(net, x)))
        return given

    def mapped() -> Any:
        net = s.ensemble()
        axes = {"in_axes": (s.axes_of(net, s.filters()), 0)}
        y = [s.map(each, **axes)(net, s.inputs()) for each in (ruled, jit(ruled))]
        return s.map(called, **axes)(net, s.inputs()), y, variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        slopes = jnp.sign(x[:, None] * weights), jnp.sign(read(net.w) @ weights)
        y = [net(x) for _ in range(6)]
        return [(*slopes, y[0])] * 2, y[:2], variables(net)

    given, y, left = s.loop(one)
    return mapped, (given, y, s.placed(left))


def module_aside(s: Setting) -> Any:
    """A function that is differentiated makes a module, and gives it beside its result."""
    derive: Any = nnx
    function = partial(_with_module, _copied)

    def called(net: Any, x: Any) -> Any:
        given = [derive.grad(function, has_aux=True, **s.mode)(net, x)[1]]
        if hasattr(derive, "jvp"):
            mode = s.mode or TREES
            given.append(derive.vjp(function, net, x, has_aux=True, **mode)[2])
            given.append(derive.jvp(function, (net, x), (_ones(net), x), has_aux=True, **mode)[2])
        return [variables(each) for each in given]

    def mapped() -> Any:
        net = s.ensemble()
        call = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))
        return call(net, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net, given = s.member(i), []
        for _ in range(3 if hasattr(derive, "jvp") else 1):
            net(s.inputs()[i])
            given.append(variables(_copied(net)))
        return given, variables(net)

    given, left = s.loop(one)
    return mapped, (given, s.placed(left))


def _signs(parts: Any) -> Any:
    """A call of a module so many times, with a rule for the derivative of those of its variables alone."""
    derive: Any = nnx

    def several(times: int, net: Any, x: Any) -> Any:
        return times * net(x)

    def backward(times: int, kept: Any, slopes: Any) -> Any:
        (given, _), slope = slopes
        net, x = kept
        by_net = jax.tree_util.tree_map(lambda leaf: leaf, given)
        write(by_net["w"], times * jnp.sign(x[:, None] * slope))
        for name in ("b", "total"):
            del by_net[name]
        return by_net, times * jnp.sign(read(net.w) @ slope)

    function = derive.custom_vjp(several, nondiff_argnums=(0, dataclasses.replace(parts, argnum=1)))
    function.defvjp(lambda times, net, x: (several(times, net, x), (net, x)), backward)
    return function


def slopes_of_changes(s: Setting) -> Any:
    """What a function with a rule writes is a result, too, of which the rule is given the slope."""
    derive: Any = nnx

    def slopes(x: Any, slope: Any, total: Any) -> Any:
        return {"w": x[:, None] * slope, "b": slope + 10 * total, "total": 3 * total}, x

    def by_keyword(kept: Any, slope: Any, *, updates_g: Any) -> Any:
        by_net, by_x = slopes(kept, slope, read(updates_g[0].total))
        return Net(**by_net), by_x

    def beside(kept: Any, given: Any) -> Any:
        (state, _), slope = given
        by_net, by_x = slopes(kept, slope, read(state["total"]))
        state = jax.tree_util.tree_map(lambda leaf: leaf, state)
        for name, value in by_net.items():
            write(state[name], value)
        return state, by_x

    function = derive.custom_vjp(_called, **s.mode)
    function.defvjp(lambda net, x: (net(x), x), by_keyword if s.mode else beside)
    weights = jnp.arange(1.0, OUTPUTS + 1)

    def loss(net: Any, x: Any) -> Any:
        return jnp.sum(function(net, x)) + jnp.sum(weights * read(net.total))

    def called(net: Any, x: Any) -> Any:
        by_net = derive.grad(loss, **s.mode)(net, x)
        return read(by_net.w), read(by_net.b)

    def mapped() -> Any:
        net = s.ensemble()
        call = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))
        return call(net, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        net(x)
        return (x[:, None] * jnp.ones(OUTPUTS), 1 + 10 * weights), variables(net)

    given, left = s.loop(one)
    return mapped, (given, s.placed(left))


def _values(given: Any) -> Any:
    """The values of a state by the names of its variables; what is no state is itself."""
    return (
        {name: read(each) for name, each in given.items()}
        if isinstance(given, nnx.State)
        else given
    )


def differentiated_parts(s: Setting) -> Any:
    """Derivatives by some variables of a module and another argument, also where they have a rule."""
    derive: Any = nnx
    w, b = (derive.DiffState(0, nnx.PathContains(name)) for name in ("w", "b"))
    ruled = _signs(w)

    def product(one: Any, two: Any) -> Any:
        return jnp.sum(read(one.w)[0] * one.encode(jnp.zeros(FEATURES)) * read(two.b))

    def called(net: Any, x: Any) -> Any:
        by_rule = derive.value_and_grad(lambda net, x: jnp.sum(ruled(3, net, x)), argnums=(w, 1))
        beside = derive.value_and_grad(_with_sum, argnums=(b, 1), has_aux=True)
        two = derive.grad(product, argnums=(dataclasses.replace(b, argnum=1), w))
        total, rule = by_rule(net, x)
        values, plain = beside(net, x)
        each = (rule, plain, two(net, Net(**variables(net))))
        return (total, values), [[_values(given) for given in slopes] for slopes in each]

    def mapped() -> Any:
        net = s.ensemble()
        call = s.mapping(called, in_axes=(s.axes_of(net, s.filters()), 0))
        return call(net, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        values, ones = variables(net), jnp.ones(OUTPUTS)
        first, y = values["w"][0], net(x)
        net(x)
        rule = [{"w": 3 * jnp.sign(x[:, None] * ones)}, 3 * jnp.sign(values["w"] @ ones)]
        plain = [{"b": 2 * ones}, 2 * values["w"] @ ones]
        by_w = jnp.zeros((FEATURES, OUTPUTS)).at[0].set(values["b"] ** 2)
        two = [{"b": first * values["b"]}, {"w": by_w}]
        return (((3 * y.sum(), (2 * y.sum(), y)), [rule, plain, two]), variables(net))

    results, left = s.loop(one)
    return mapped, (results, s.placed(left))


def _with_sum(net: Any, x: Any) -> Any:
    y = net(x)
    return 2 * jnp.sum(y), y


class Weight(nnx.Module):
    """One parameter."""

    def __init__(self, w: Any) -> None:
        self.w = nnx.Param(w)


def differentiated_types(s: Setting) -> Any:
    """Derivatives by integers, which are allowed, and by complex numbers, also beside a module."""
    derive: Any = nnx
    w, n = s.whole(4, s.size, OUTPUTS), s.whole(5, s.size, OUTPUTS).astype(jnp.int32)
    z = w + 1j * n

    def product(of: Any, x: Any) -> Any:
        return jnp.sum(read(of.w) * read(of.w) * x)

    def called(of: Any, n: Any, complex_of: Any) -> Any:
        given: list[Any] = []
        for gradient in (derive.grad, derive.value_and_grad):
            for x, how in ((n, {"allow_int": True}), (read(complex_of.w), {"holomorphic": True})):
                module = of if "allow_int" in how else complex_of
                result = gradient(product, argnums=(0, 1), **how, **s.mode)(module, x)
                value, slopes = result if gradient is derive.value_and_grad else (0.0, result)
                by_x = slopes[1].dtype == jax.dtypes.float0 if x is n else slopes[1]
                given.append((value, read(slopes[0].w), jnp.asarray(by_x)))
        return given

    def mapped() -> Any:
        return s.map(called, in_axes=0)(Weight(w), n, Weight(z))

    def one(i: int) -> Any:
        real = jnp.sum(w[i] ** 2 * n[i]), 2 * w[i] * n[i], jnp.array(True)
        whole = jnp.sum(z[i] ** 3), 2 * z[i] ** 2, z[i] ** 2
        return [(0.0, *real[1:]), (0.0, *whole[1:]), real, whole]

    return mapped, s.loop(one)


USES: dict[str, Use] = {
    "use.derivatives": derivatives,
    "use.rules-within": rules_within,
    "use.module-aside": module_aside,
    "use.slopes-of-changes": slopes_of_changes,
    "use.differentiated-parts": differentiated_parts,
    "use.differentiated-types": differentiated_types,
}

NEEDS: dict[str, str] = {
    "use.derivatives": "0.12.7",
    "use.rules-within": "0.12.7",
    "use.module-aside": "0.10.2",
    "use.slopes-of-changes": "0.10.2",
    "use.differentiated-parts": "0.10.2",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

_IN_ALL_WAYS = Version(flax.__version__) >= Version("0.12.8")
"""Before, what had a rule could write to no variable where modules are mapped as trees."""
IN_ONE_WAY: tuple[str, ...] = (
    "use.differentiated-parts",
    *(() if _IN_ALL_WAYS else ("use.rules-within", "use.slopes-of-changes")),
)
"""Uses that are checked in one mode of the map: they choose it themselves, or fail in another one."""
