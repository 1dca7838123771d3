"""What a call does to variables and streams, and what it leaves behind."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from flax.core import lift

from conformance.transforms.linen.uses.base import (
    FEATURES,
    MEMBERS,
    OUTPUTS,
    Net,
    Noisy,
    Setting,
    Twice,
    Use,
    error_of,
    member,
    roll,
)

_LIFT: Any = lift
"""Typed so, since it does not export its `In` and `Out`."""


def second_call(s: Setting) -> Any:
    """A second `apply` starts from the state that the first one gave, and leaves its arguments alone."""

    def mapped() -> Any:
        lifted = s.ensemble(Net)()
        variables = lifted.init(s.key, s.inputs())
        first, state = lifted.apply(variables, s.inputs(), mutable=["cache"])
        again = {**variables, **state}
        second, after = lifted.apply(again, s.inputs() + 1, mutable=["cache"])
        return [first, second], state, after, variables

    each = s.members(Net(), s.inputs())

    def one(i: int) -> Any:
        own = member(each, i)
        first, state = Net().apply(own, s.inputs()[i], mutable=["cache"])
        second, after = Net().apply({**own, **state}, s.inputs()[i] + 1, mutable=["cache"])
        return [first, second], state, after

    return mapped, (*s.loop(one), s.placed(each))


def twice_inside(s: Setting) -> Any:
    """One lifted module is called twice within one `apply`."""
    keys = s.keys(s.key)

    def mapped() -> Any:
        return Twice(s.ensemble(Net)).init_with_output(s.key, s.inputs())

    y, each = s.loop(lambda i: Twice(Net).init_with_output(keys[i], s.inputs()[i]))
    return mapped, (y, s.placed(each))


def dropout_of_members(s: Setting) -> Any:
    """Each member drops by a key of its own, and otherwise in a second call within the `apply`."""
    x = s.whole(9, s.size, 8) + 20

    def mapped() -> Any:
        return Twice(s.ensemble(Noisy)).apply({}, x, rngs={"dropout": s.key})

    keys = s.keys(s.key)
    y = s.loop(lambda i: Twice(Noisy).apply({}, x[i], rngs={"dropout": keys[i]}))
    return mapped, y


def keys_checked(s: Setting) -> Any:
    """With `jax.debug_key_reuse`, a lifted module that is called twice uses no key twice."""
    mapped, expected = dropout_of_members(s)

    def checked() -> Any:
        with jax.debug_key_reuse(True):
            return mapped()

    return checked, expected


def missing_stream(s: Setting) -> Any:
    """A stream that is missing for the module is missing for its lift, with the same error."""

    def mapped() -> Any:
        lifted = s.ensemble(Noisy)()
        with_none = error_of(lambda: lifted.apply({}, s.inputs()))
        with_other = error_of(lambda: lifted.apply({}, s.inputs(), rngs={"other": s.key}))
        return np.array([with_none == alone, with_other == alone])

    alone = error_of(lambda: Noisy().apply({}, s.inputs()[0]))
    return mapped, np.array([True, True])


def error_inside(s: Setting) -> Any:
    """After a module that writes and raises, or may not write, the same variables can be used again."""

    class Failing(nn.Module):
        @nn.compact
        def __call__(self, x: Any, fails: bool = False) -> Any:
            y = Net(name="net")(x)
            if fails:
                raise ZeroDivisionError
            return y

    keys = s.keys(s.key)

    def mapped() -> Any:
        lifted = s.ensemble(Failing, in_axes=(0,))()
        variables = lifted.init(s.key, s.inputs())
        failing = s.ensemble(functools.partial(Failing.__call__, fails=True), in_axes=(0,))
        raised = error_of(
            lambda: Failing().apply(variables, s.inputs(), method=failing, mutable=["cache"])
        )
        y, state = lifted.apply(variables, s.inputs(), mutable=["cache"])
        unwritable = error_of(lambda: lifted.apply(variables, s.inputs()))
        only_in = {"params": s.axis, "cache": _LIFT.In(0)}
        read = s.ensemble(Failing, in_axes=(0,), variable_axes=only_in)()
        in_only = error_of(lambda: read.apply(variables, s.inputs(), mutable=["cache"]))
        refused = [each == "ModifyScopeVariableError" for each in (unwritable, in_only)]
        return np.array([raised == "ZeroDivisionError", *refused]), y, state, variables

    each = s.loop(lambda i: Failing().init(keys[i], s.inputs()[i]))
    y, state = s.loop(lambda i: Failing().apply(member(each, i), s.inputs()[i], mutable=["cache"]))
    return mapped, (np.ones(3, bool), y, state, s.placed(each))


class Counted(struct.PyTreeNode, nn.meta.AxisMetadata[Any]):
    """A box that keeps the size of each axis of its value, and understands an axis counted from the end."""

    value: Any
    sizes: tuple[Any, ...] = struct.field(pytree_node=False)

    def unbox(self) -> Any:
        """Give the value."""
        return self.value

    def replace_boxed(self, val: Any) -> Any:
        """Box another value."""
        return self.replace(value=val)

    def add_axis(self, index: int, params: dict[Any, Any]) -> Any:
        """Add an axis, whose name stands for its size."""
        place = index % (len(self.sizes) + 1)
        name = params[nn.PARTITION_NAME]
        return self.replace(sizes=(*self.sizes[:place], name, *self.sizes[place:]))

    def remove_axis(self, index: int, params: dict[Any, Any]) -> Any:
        """Remove the axis that `add_axis` added."""
        place = index % len(self.sizes)
        if self.sizes[place] != params[nn.PARTITION_NAME]:
            raise ValueError(f"{self.sizes} has no {params} at {index}")
        return self.replace(sizes=(*self.sizes[:place], *self.sizes[place + 1 :]))


class Named(nn.Module):
    """Variables that say what their axes are called, one of which names the first axis alone."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w, and count the calls."""
        w: Any = self.param("w", nn.with_partitioning(roll, ("in", "out")), (FEATURES, OUTPUTS))
        zeros = nn.with_partitioning(jnp.zeros, ("out",))
        total: Any = self.variable("cache", "total", zeros, (OUTPUTS,))
        ones = nn.with_partitioning(jnp.ones, ("in",))
        scale: Any = self.variable("far", "scale", ones, (FEATURES, OUTPUTS))
        shape = (FEATURES, OUTPUTS)
        self.variable("last", "sized", lambda: Counted(jnp.zeros(shape), shape))
        total.value = total.value + jnp.dot(x, w * scale.value)
        return total.value


def metadata(s: Setting) -> Any:
    """Boxes say where the new axis is after `init`, and after `apply` of what they are in."""
    axis = s.axis
    along = {"params": axis, "cache": 0, "far": 2, "last": -1}

    def mapped() -> Any:
        named: Any = {nn.PARTITION_NAME: MEMBERS}
        lifted = s.ensemble(Named, variable_axes=along, metadata_params=named)()
        variables = lifted.init(s.key, s.inputs())
        y, state = lifted.apply(variables, s.inputs(), mutable=["cache"])
        names = [variables["params"]["w"].names, variables["cache"]["total"].names]
        names += [state["cache"]["total"].names, variables["far"]["scale"].names]
        names += [variables["last"]["sized"].sizes]
        own, new = ("in", "out"), (MEMBERS, "out")
        right: list[Any] = [(*own[:axis], MEMBERS, *own[axis:]), new, new, ("in", None, MEMBERS)]
        right += [(FEATURES, OUTPUTS, MEMBERS)]
        # Parameters that are only made, and never given, have their own place among the collections.
        only_out: Any = {**along, "params": _LIFT.Out(axis)}
        made: Any = s.ensemble(Named, variable_axes=only_out, metadata_params=named)()
        structure: Any = jax.tree_util.tree_structure
        is_alike = structure(made.init(s.key, s.inputs())) == structure(variables)
        return np.array([names == right, is_alike]), y, nn.unbox(state)

    keys = s.keys(s.key)

    def one(i: int) -> Any:
        own = Named().init(keys[i], s.inputs()[i])
        y, state = Named().apply(own, s.inputs()[i], mutable=["cache"])
        return y, nn.unbox(state)

    return mapped, (np.array([True, True]), *s.loop(one))


class Repeated(nn.Module):
    """A total whose first axis has the name of an ensemble's, and what its axes are called within."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give whether the names are those of one member, and add `x` to the total."""
        zeros = nn.with_partitioning(jnp.zeros, (MEMBERS, "out"))
        total: Any = self.variable("cache", "total", zeros, (FEATURES, OUTPUTS))
        box: Any = self.get_variable("cache", "total")
        total.value = total.value + x[:, None]
        return np.array(box.names == (MEMBERS, "out"))


def names_alike(s: Setting) -> Any:
    """An axis of a box has the name that the map gives the new one, which is the one that is taken."""
    names, x = (MEMBERS, "out", MEMBERS), s.inputs()
    named: Any = {"variable_axes": {"cache": 2}, "metadata_params": {nn.PARTITION_NAME: MEMBERS}}

    def mapped() -> Any:
        lifted = s.ensemble(Repeated, **named)()
        variables = lifted.init(s.key, x)
        within, state = lifted.apply(variables, x, mutable=["cache"])
        right = [each["cache"]["total"].names == names for each in (variables, state)]
        return within, np.array(right), nn.unbox(state)["cache"]["total"]

    total = jnp.broadcast_to(2 * x.T[:, None], (FEATURES, OUTPUTS, s.size))
    return mapped, (np.ones(s.size, bool), np.array([True, True]), total)


class Boxed(nn.Module):
    """A total in a box that is in another one."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Add `x` to the total, and give it."""
        inner = nn.with_partitioning(jnp.zeros, ("in",))
        shape = (FEATURES,)
        total: Any = self.variable("cache", "total", lambda: Counted(inner(shape), shape))
        total.value = total.value + x
        return total.value


def boxes_within(s: Setting) -> Any:
    """A variable in a box within another one is read and written by its value, and stays in both of them."""
    x, named = s.inputs(), {nn.PARTITION_NAME: MEMBERS}

    def mapped() -> Any:
        lifted = s.ensemble(Boxed, metadata_params=named)()
        variables = lifted.init(s.key, x)
        y, state = lifted.apply(variables, x, mutable=["cache"])
        boxes: list[Any] = [each["cache"]["total"] for each in (variables, state)]
        right = [
            isinstance(each, Counted)
            and each.sizes == (MEMBERS, FEATURES)
            and getattr(each.value, "names", None) == ("in",)
            for each in boxes
        ]
        return y, np.array(right), nn.unbox(state)["cache"]["total"]

    return mapped, (2 * x, np.array([True, True]), 2 * x)


def sown(s: Setting) -> Any:
    """What is captured of a lifted module is what is captured of each member."""
    each = s.members(Net(), s.inputs())
    options: dict[str, Any] = {"capture_intermediates": True, "mutable": ["intermediates", "cache"]}

    def mapped() -> Any:
        axes = {"params": s.axis, "cache": 0, "intermediates": 0}
        lifted = s.ensemble(Net, variable_axes=axes)()
        _, state = lifted.apply(s.placed(each), s.inputs(), **options)
        return state

    return mapped, s.loop(lambda i: Net().apply(member(each, i), s.inputs()[i], **options)[1])


USES: dict[str, Use] = {
    "use.second-call": second_call,
    "use.twice-inside": twice_inside,
    "use.dropout-of-members": dropout_of_members,
    "use.keys-checked": keys_checked,
    "use.missing-stream": missing_stream,
    "use.error-inside": error_inside,
    "use.metadata": metadata,
    "use.names-alike": names_alike,
    "use.boxes-within": boxes_within,
    "use.sown": sown,
}
