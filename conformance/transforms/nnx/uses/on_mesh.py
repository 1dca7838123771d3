"""Uses of `nnx.vmap` on an Explicit mesh: the members lie on several devices, and types say so."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from conformance.transforms.explicit_mesh import along, divided, divided_along, mesh_of
from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import Net, Setting, Use, variables


def on_mesh(s: Setting) -> Any:
    """Members that lie on devices, their results, their state and their gradients lie as they do."""

    def placed(net: Any) -> Any:
        for name, axis in (("w", s.axis), ("b", s.axis), ("total", 0)):
            variable = getattr(net, name)
            write(variable, along(read(variable), axis))
        return net

    def loss(net: Any, x: Any) -> Any:
        return jnp.sum(net.encode(x) ** 2)

    def gradients(net: Any, x: Any) -> Any:
        slopes = nnx.grad(loss, argnums=nnx.DiffState(0, nnx.Param))(net, x)
        return read(slopes["w"]), read(slopes["b"])

    def mapped() -> Any:
        with jax.set_mesh(mesh_of(s.size)):
            net, x = placed(s.ensemble()), along(s.inputs(), 0)
            axes = s.axes_of(net, s.filters())
            call = s.map(lambda net, x: net(x), in_axes=(axes, 0))
            first, second = call(net, x), nnx.jit(call)(net, x)
            one = s.map(lambda net, x: net.encode(x), in_axes=(axes, None))(net, s.inputs()[0])
            slopes = s.map(gradients, in_axes=(axes, 0), out_axes=(s.axis, 0))(net, x)
            made = s.map(Net, in_axes=0, out_axes=0)(
                *(along(value, 0) for value in s.values().values())
            )
            got = first, second, one, slopes, variables(net), variables(made)
            return got, divided(got)

    def of_one(i: int) -> Any:
        net = s.member(i)
        x = s.inputs()[i]
        first, second, one = net(x), net(x), net.encode(s.inputs()[0])
        return first, second, one, gradients(net, x), variables(net)

    first, second, one, (by_w, by_b), after = s.loop(of_one)
    slopes = jnp.moveaxis(by_w, 0, s.axis), by_b
    after = s.placed(after)
    got = first, second, one, slopes, after, s.values()

    def along_parameters(tree: Any) -> Any:
        return {name: divided_along(tree[name], s.axis if name != "total" else 0) for name in tree}

    in_front = divided_along((first, second, one), 0)
    of_slopes = divided_along(slopes[0], s.axis), divided_along(slopes[1], 0)
    parts = *in_front, of_slopes, along_parameters(after), divided_along(s.values(), 0)
    return mapped, (got, parts)


USES: dict[str, Use] = {"use.on-explicit-mesh": on_mesh}
NEEDS: dict[str, str] = {"use.on-explicit-mesh": "0.12.2"}
