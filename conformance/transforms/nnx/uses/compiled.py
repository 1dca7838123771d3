"""Maps within and around compiled functions, maps of which only the shapes are asked, and optimizers."""

import inspect
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import MEMBERS, Net, Setting, Total, Use, variables


def _branch(net: Any, x: Any, negative: bool, times: int) -> Any:
    """Give y as often as asked, or its negative: both are asked in Python."""
    y = net(x)
    return -y if negative else sum([y] * times)


def static_arguments(s: Setting) -> Any:
    """Compiled functions within a map and around it are told what is static, by its place and by its name."""
    transforms: Any = nnx
    jit, places = partial(transforms.jit, **s.mode), {"static_argnums": (2, 3)}
    by_place = jit(_branch, **places), transforms.remat(_branch, **places, **s.mode)
    by_name = jit(_branch, static_argnames=("negative", "times"))

    def within(net: Any, x: Any) -> Any:
        by_jit, by_remat = by_place
        y = [by_jit(net, x, False, 3), by_remat(net, x, True, 1)]
        return [*y, by_name(net, x, negative=False, times=2)]

    def around(net: Any, x: Any, negative: bool, times: int) -> Any:
        def one(net: Any, x: Any) -> Any:
            return _branch(net, x, negative, times)

        return s.map(one, in_axes=(s.axes_of(net, s.filters()), 0))(net, x)

    def mapped() -> Any:
        net = s.ensemble()
        y = s.map(within, in_axes=(s.axes_of(net, s.filters()), 0))(net, s.inputs())
        outer = jit(around, static_argnums=(2, 3))
        return [*y, outer(net, s.inputs(), True, 2)], variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        asked = [(False, 3), (True, 1), (False, 2), (True, 2)]
        return [_branch(net, x, *how) for how in asked], variables(net)

    y, left = s.loop(one)
    return mapped, (y, s.placed(left))


def donated(s: Setting) -> Any:
    """The memory of a module is given away to a compiled map, which writes to a part of it; twice."""

    def step(net: Any, x: Any) -> Any:
        return s.map(lambda net, x: net(x), in_axes=(s.axes_of(net, s.filters()), 0))(net, x)

    def mapped() -> Any:
        net = s.ensemble()
        jit: Any = nnx.jit
        compiled = jit(step, donate_argnums=0, **s.mode)
        return [compiled(net, s.inputs() + n) for n in (0, 1)], variables(net)

    def one(i: int) -> Any:
        net = s.member(i)
        return [net(s.inputs()[i] + n) for n in (0, 1)], variables(net)

    y, left = s.loop(one)
    return mapped, (y, s.placed(left))


def checked(s: Setting) -> Any:
    """A function that maps is checked: what members write is kept, and an error of one is that of all."""
    from jax.experimental import checkify

    most = jnp.max(jnp.sum(s.inputs(), 1))

    def call(bound: Any, net: Any, x: Any) -> Any:
        checkify.check(jnp.sum(x) < bound, "too large")
        return net(x)

    def around(bound: Any, net: Any, x: Any) -> Any:
        in_axes = (None, s.axes_of(net, s.filters()), 0)
        return s.map(call, in_axes=in_axes)(bound, net, x)

    def mapped() -> Any:
        transforms: Any = nnx
        net = s.ensemble()
        checking = transforms.checkify(around, **s.mode)
        error, y = checking(most + 1, net, s.inputs())
        failed, again = checking(most, net, s.inputs())
        raised = [np.array(each.get() is not None) for each in (error, failed)]
        return raised, [y, again], variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        return [net(x), net(x)], variables(net)

    y, left = s.loop(one)
    return mapped, ([np.array(False), np.array(True)], y, s.placed(left))


def policies(s: Setting) -> Any:
    """What is kept for a gradient within a map is what a policy says, which is asked."""
    transforms: Any = nnx
    asked: list[bool] = []

    def keep(primitive: Any, *_: Any, **__: Any) -> bool:
        asked.append(primitive.name == "dot_general")
        return True

    def called(net: Any, x: Any) -> Any:
        def loss(net: Any, policy: Any) -> Any:
            remat = transforms.remat(lambda net, x: net(x), policy=policy, **s.mode)
            return jnp.sum(remat(net, x) ** 2)

        ways = keep, jax.checkpoint_policies.nothing_saveable, None
        slopes = [transforms.grad(partial(loss, policy=way), **s.mode)(net) for way in ways]
        return [(read(each.w), read(each.b)) for each in slopes]

    def mapped() -> Any:
        net = s.ensemble()
        asked.clear()
        slopes = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))(net, s.inputs())
        return slopes, variables(net), np.array(any(asked))

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        for _ in range(3):
            y = net(x)
        return [(2 * x[:, None] * y, 2 * y)] * 3, variables(net)

    slopes, left = s.loop(one)
    return mapped, (slopes, s.placed(left), np.array(True))


def sharded_by_filter(s: Setting) -> Any:
    """A compiled map is told by filters how a module is sharded; it then is, and stays so."""
    transforms: Any = nnx
    count = max(n for n in range(1, jax.device_count() + 1) if s.size % n == 0)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:count]), (MEMBERS,))

    def on(axis: Any) -> Any:
        names = [MEMBERS if axis == n else None for n in range(2)]
        return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*names))

    def step(net: Any, x: Any) -> Any:
        return s.map(lambda net, x: net(x), in_axes=(s.axes_of(net, s.filters()), 0))(net, x)

    def mapped() -> Any:
        net = s.ensemble()
        filters: Any = {nnx.Param: on(s.axis), ...: on(None)}
        of_net = (
            transforms.prefix(net, filters, graph=s.mode.get("graph", True))
            if s.mode
            else transforms.StateSharding(filters)
        )
        compiled = transforms.jit(step, in_shardings=(of_net, on(0)), out_shardings=on(0), **s.mode)
        y = [compiled(net, s.inputs() + n) for n in (0, 1)]
        right = [
            value.sharding.is_equivalent_to(on(axis), value.ndim)
            for value, axis in ((y[1], 0), (read(net.w), s.axis), (read(net.total), None))
        ]
        return y, variables(net), np.array(right[:1] if s.mode else right)

    def one(i: int) -> Any:
        net = s.member(i)
        return [net(s.inputs()[i] + n) for n in (0, 1)], variables(net)

    y, left = s.loop(one)
    return mapped, (y, s.placed(left), np.ones(1 if s.mode else 3, bool))


def _optimizer(net: Any, changed: Any) -> Any:
    """One that changes these variables alone."""
    import optax

    make: Any = nnx.Optimizer
    return make(net, optax.sgd(1.0, momentum=2.0), wrt=changed)


def optimised(s: Setting) -> Any:
    """Each member has an optimizer of its own, made under a map, and takes steps by some of its variables."""
    with_module = "model" in inspect.signature(nnx.Optimizer.update).parameters
    transforms: Any = nnx
    changed: Any = nnx.All(nnx.Param, nnx.PathContains("w"))
    by = 0 if s.mode else transforms.DiffState(0, changed)

    def make(values: Any) -> Any:
        net = Net(**values)
        return net, _optimizer(net, changed)

    def step(net: Any, optimizer: Any, x: Any) -> Any:
        loss = transforms.grad(lambda net: jnp.sum(net(x) ** 2), argnums=by, **s.mode)
        optimizer.update(*((net,) if with_module else ()), loss(net))
        return read(optimizer.step)

    def mapped() -> Any:
        net, optimizer = s.map(make, in_axes=0)(s.values())
        call = s.map(step, in_axes=0)
        counts = [call(net, optimizer, s.inputs() + n) for n in (0, 1)]
        return counts, variables(net)

    w, b, total = (s.values()[name] for name in ("w", "b", "total"))
    speed = jnp.zeros_like(w)
    for n in (0, 1):
        x = s.inputs() + n
        y = jnp.einsum("bf,bfo->bo", x, w) + b
        speed, total = 2 * x[:, :, None] * y[:, None] + 2 * speed, total + y
        w = w - speed
    counts = [jnp.full(s.size, n, jnp.uint32) for n in (1, 2)]
    return mapped, (counts, {"w": w, "b": b, "total": total})


def _described(module: Any) -> Any:
    """The kinds of a module's variables, their shapes, their dtypes and what they are called."""
    each = [getattr(module, name) for name in ("w", "b", "total")]
    kinds = [type(v) for v in each] == [nnx.Param, nnx.Param, Total]
    values = [read(v) for v in each]
    notes = [v.get_metadata().get("note") for v in each]
    return {
        "kinds": np.array(kinds),
        "shapes": [np.shape(value) for value in values],
        "dtypes": np.array([value.dtype == jnp.float32 for value in values]),
        "notes": np.array(notes == ["weights", None, None]),
        "abstract": np.array([isinstance(value, jax.ShapeDtypeStruct) for value in values]),
    }


def abstract(s: Setting) -> Any:
    """Of a map that makes modules, or calls them, only the shapes are asked: nothing is computed or kept."""

    def make(values: Any) -> Any:
        net = Net(**values)
        net.w = nnx.Param(values["w"], note="weights")
        return net

    def mapped() -> Any:
        shapes: Any = nnx.eval_shape
        made = shapes(s.map(make, in_axes=0), s.values(), **s.mode)
        net = s.ensemble()
        call = s.map(lambda net, x: net(x), in_axes=(s.axes_of(net, s.filters()), 0))
        y = shapes(call, net, s.inputs(), **s.mode)
        return _described(made), y.shape, variables(net)

    expected = _described(make(s.values()))
    expected = {**expected, "abstract": np.ones(3, bool)}
    return mapped, (expected, s.expected()["y"].shape, variables(s.ensemble()))


USES: dict[str, Use] = {
    "use.static-arguments": static_arguments,
    "use.donated": donated,
    "use.checked": checked,
    "use.policies": policies,
    "use.sharded-by-filter": sharded_by_filter,
    "use.optimised": optimised,
    "use.abstract": abstract,
}

NEEDS: dict[str, str] = {"use.checked": "0.10.2"}
"""The first release of Flax that has what a use is of, where the oldest has not."""
