"""Names of axes that are kept in collections of their own, in boxes of logical names, or added by hand."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen import partitioning

from conformance.transforms.linen.uses.base import FEATURES, MEMBERS, OUTPUTS, Setting, Use, roll
from conformance.transforms.linen.uses.loops import STEPS

lifts: Any = nn
LAYERS, HAND = "layers", "hand"
"""What the axis of a scan is called, and one that is added by hand."""


class Layer(nn.Module):
    """x w, whose axes are in a collection, and so are those of what it has given."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x and the sum of x w, for `x` of shape (FEATURES,)."""
        with_axes: Any = partitioning
        w = with_axes.param_with_axes("w", roll, (FEATURES, OUTPUTS), axes=("in", "out"))
        y = jnp.dot(x, w)
        seen = with_axes.variable_with_axes("seen", "y", lambda: y, axes=("out",))
        seen.value = y
        return x + 1, None


class Layers(nn.Module):
    """A scan of layers, which is gone through twice."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what the last layer gives."""
        with_axes: Any = partitioning
        scan = with_axes.scan_with_axes(
            Layer,
            in_axes=(),
            variable_axes={"params": 0, "seen": 1},
            split_rngs={"params": True},
            axis_name=LAYERS,
            axes_collections=("params", "seen"),
            length=STEPS,
        )(name="layers")
        scan(x)
        return scan(x)[0]


def axes_by_collection(s: Setting) -> Any:
    """Collections say what the axes of others are called, in a scan within a map, and stay as they are."""
    x, axis = s.inputs(), s.axis
    w = s.whole(4, s.size, STEPS, FEATURES, OUTPUTS)
    of_w: list[str] = [LAYERS, "in", "out"]
    of_w.insert(axis, MEMBERS)
    right = [tuple(of_w), (MEMBERS, "out", LAYERS)]

    def mapped() -> Any:
        with_axes: Any = partitioning
        lifted = with_axes.vmap_with_axes(
            Layers,
            variable_axes={"params": axis, "seen": 0},
            split_rngs={"params": True},
            partitioning_axis_names={"params": MEMBERS, "seen": MEMBERS},
        )()
        made = jax.eval_shape(lifted.init, s.key, x)
        boxes = [made[f"{name}_axes"]["layers"] for name in ("params", "seen")]
        names = [boxes[0]["w_axes"].names, boxes[1]["y_axes"].names]
        spec = with_axes.get_axis_names(made["params_axes"])["layers"]["w"]
        is_named = [tuple(each) for each in names] == right and tuple(spec) == right[0]
        given = s.placed({"params": {"layers": {"w": w}}})
        values = {"seen": {"layers": {"y": jnp.zeros((s.size, OUTPUTS, STEPS))}}}
        kept = {name: made[name] for name in ("params_axes", "seen_axes")}
        apply = jax.jit(partial(lifted.apply, mutable=["seen"]))
        y, state = apply({**given, **values, **kept}, x)
        return np.array(is_named), y, state["seen"]["layers"]["y"]

    given = np.asarray(x)
    steps = [np.einsum("bf,bfo->bo", given + n, w[:, n]) for n in range(STEPS)]
    return mapped, (np.array(True), given + STEPS, np.stack(steps, 2))


class Hand(nn.Module):
    """x w, whose box of logical names has an axis more outside of the method."""

    tell: Any

    @partial(
        lifts.add_metadata_axis,
        variable_axes={"params": 0},
        metadata_params={nn.PARTITION_NAME: HAND},
    )
    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w, and tell what the box is within."""
        draw: Any = nn.with_logical_partitioning(roll, ("in", "out"))
        w = self.param("w", draw, (FEATURES, OUTPUTS))
        box: Any = self.get_variable("params", "w")
        self.tell((type(box) is nn.LogicallyPartitioned, box.names))
        return jnp.dot(x, w)


class Bias(nn.Module):
    """A step that adds a vector."""

    @nn.compact
    def __call__(self, total: Any, _: Any) -> Any:
        """Give the sum."""
        draw: Any = nn.with_partitioning(roll, ("out",))
        return total + self.param("b", draw, (OUTPUTS,)), None


class Logical(nn.Module):
    """A module that names an axis by hand, and a scan that has no name for its axis."""

    tell: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w and the sum of what the steps add."""
        scan: Any = nn.scan(
            Bias,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            length=STEPS,
            metadata_params={nn.PARTITION_NAME: None},
        )
        return scan(name="bias")(Hand(self.tell, name="hand")(x), None)[0]


def names_by_hand(s: Setting) -> Any:
    """An axis is named by hand, and one has no name: boxes of logical names say so outside, and in a spec."""
    x = s.inputs()
    named: Any = {"metadata_params": {nn.PARTITION_NAME: MEMBERS}}

    def mapped() -> Any:
        within: list[Any] = []
        lifted = s.ensemble(Logical, **named)(within.append)
        made = jax.eval_shape(lifted.init, s.key, x)
        boxes = {**made["params"]["hand"], **made["params"]["bias"]}
        spec: Any = nn.get_partition_spec(boxes)
        shapes = {name: nn.unbox(box).shape for name, box in boxes.items()}
        of_w, of_b = [HAND, "in", "out"], [None, "out"]
        for names in (of_w, of_b):
            names.insert(s.axis, MEMBERS)
        own = [FEATURES, OUTPUTS], [STEPS, OUTPUTS]
        for shape in own:
            shape.insert(s.axis, s.size)
        right = [
            all(each == (True, ("in", "out")) for each in within),
            [tuple(boxes[name].names) for name in ("w", "b")] == [tuple(of_w), tuple(of_b)],
            type(boxes["w"]) is nn.LogicallyPartitioned,
            [tuple(spec[name]) for name in ("w", "b")] == [tuple(of_w), tuple(of_b)],
            [shapes["w"], shapes["b"]] == [tuple(shape) for shape in own],
        ]
        return np.array(right)

    return mapped, np.ones(5, bool)


USES: dict[str, Use] = {
    "use.axes-by-collection": axes_by_collection,
    "use.names-by-hand": names_by_hand,
}
