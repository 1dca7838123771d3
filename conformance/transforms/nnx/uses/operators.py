"""All that is asked of a variable under a map: operators, items, metadata, copies, references, refusals."""

import copy
import dataclasses
import operator
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Total,
    Use,
    refuses,
    variables,
)

OF_ANY = ("add", "sub", "mul", "truediv", "floordiv", "mod")
OF_INTEGERS = ("pow", "lshift", "rshift", "and_", "xor", "or_")
OF_ONE = ("neg", "pos", "abs")
"""Names of what the module `operator` has."""


def _all_operators(of: Callable[[Any], Any], a: Any, b: Any, np: Any = jnp) -> dict[str, Any]:
    """Every operator of two arrays of whole numbers, of which `of` makes variables where it can."""
    found: dict[str, Any] = {}
    c, d = a.astype(np.int32), b.astype(np.int32)
    for names, x, y in ((OF_ANY, a, b), (OF_INTEGERS, c, d)):
        for name in names:
            call = getattr(operator, name)
            found[name] = [call(of(x), of(y)), call(2, of(y))]
    for name in OF_ONE:
        found[name] = getattr(operator, name)(of(a))
    rows = np.stack([a, b])
    found["matmul"] = [of(rows) @ of(a), of(rows) @ a, a @ of(rows.T)]
    found["others"] = [~of(c), of(a) - b, of(a).round(0), of(a) == of(b), of(a) == b, abs(of(c))]
    found["items"] = [of(rows)[1], of(rows)[:, 0], *of(rows), np.sin(0 * of(a)), of(rows).T]
    return found


def all_operators(s: Setting) -> Any:
    """Every operator of variables with variables, arrays and numbers, from both sides, is that of values."""
    transforms: Any = nnx
    a, b = s.whole(5, s.size, OUTPUTS), 1 + jnp.abs(s.whole(6, s.size, OUTPUTS))
    in_place = [f"i{name.rstrip('_')}" for name in (*OF_ANY, "matmul", *OF_INTEGERS)]

    def mapped() -> Any:
        def called(a: Any, b: Any) -> Any:
            return _all_operators(nnx.Param, a, b)

        def refusing(total: Any) -> Any:
            calls = (getattr(operator, name) for name in in_place)
            ways = [partial(call, total, read(total)) for call in calls]
            return jnp.stack([refuses(way, NotImplementedError, "In-place") for way in ways])

        found = transforms.jit(s.map(called, in_axes=0), **s.mode)(a, b)
        return found, s.map(refusing, in_axes=0)(Total(a))

    one = partial(_all_operators, lambda x: x, np=np)
    each = [one(*pair) for pair in zip(np.asarray(a), np.asarray(b), strict=True)]
    right = jax.tree_util.tree_map(lambda *rows: np.stack(rows), *each)
    return mapped, (right, np.ones((s.size, len(in_place)), bool))


def _said(x: Any) -> list[bool]:
    """What a variable that is made here says of its metadata, and what it refuses."""
    v: Any = nnx.Param(x, first=1, last="b")
    other: Any = Total(x, first=7)
    v.set_metadata("first", 2)
    v.set_metadata(more=3)
    said = [v.first == 2, v.get_metadata("more") == 3, v.get_metadata("none", 5) == 5]
    said += [set(v.get_metadata(exclude_required=True)) == {"first", "last", "more"}]
    v.del_metadata("more")
    said += [not v.has_metadata("more"), v.has_metadata("last"), v.type is nnx.Param]
    v.set_metadata({"new": 1})
    said += [v.get_metadata(exclude_required=True) == {"new": 1}]
    for way, error, word in (
        (lambda: v.set_metadata("new", 1, last=2), TypeError, "mix"),
        (v.set_metadata, TypeError, "arguments"),
        (lambda: v.set_metadata(hijax=True), ValueError, "hijax"),
        (lambda: v.set_metadata("ref", True), ValueError, "ref"),
        (lambda: v.set_metadata({"ref": True}), ValueError, "ref"),
        (lambda: v.del_metadata("ref"), ValueError, "ref"),
        (lambda: v.get_metadata("absent"), KeyError, "absent"),
        (lambda: v.get_metadata(default=1), TypeError, "default"),
        (lambda: v.get_metadata("new", exclude_required=True), TypeError, "exclude_required"),
        (lambda: setattr(v, "new", 3), AttributeError, "set_metadata"),
        (lambda: delattr(v, "new"), AttributeError, "del_metadata"),
        (lambda: v.copy_from(other), ValueError, "Total"),
        (lambda: getattr(v, "absent"), AttributeError, "absent"),  # noqa: B009
    ):
        said.append(bool(refuses(way, error, word)))
    return said


def asked_of_variables(s: Setting) -> Any:
    """Metadata are set, asked and refused; items of trees are set and taken away; copies are apart."""
    x = s.whole(5, s.size, 2, FEATURES)

    def called(tree: Any, first: Any, x: Any) -> Any:
        said = _said(x)
        tree["c"] = x + tree["a"]
        del tree["a"]
        said += [
            len(tree.get_value()) == 2,
            "c" in tree,
            "a" not in tree,
            sorted(tree) == ["b", "c"],
        ]
        first[0] = first[0] + x[0]
        first[1, 0] = 7
        last = nnx.Param(x, note="last")
        last.copy_from(nnx.Param(2 * x, note="copied"))
        called = nnx.Variable(lambda x: x + 1)(x)
        said.append(last.note == "copied")
        return read(last), called, jnp.asarray(first) + 0, np.array(said)

    def mapped() -> Any:
        tree, first = nnx.Variable({"a": 2 * x, "b": x}), Total(3 * x)
        # Where the graph is updated, what is in a variable keeps its form.
        y = s.map(called, in_axes=0)(tree, first, x)
        return y, read(tree), read(first)

    after = (3 * x).at[:, 0].add(x[:, 0]).at[:, 1, 0].set(7)
    said = np.ones((s.size, 26), bool)
    return mapped, ((2 * x, x + 1, after, said), {"b": x, "c": 3 * x}, after)


def _copies(net: Any) -> dict[str, Any]:
    by_hand: Any = nnx
    refs = by_hand.with_vars(net, ref=True)
    pickled = nnx.clone(net)
    # Not the module itself, whose class a script that is executed cannot find again.
    params = pickle.loads(pickle.dumps(by_hand.state(net, nnx.Param)))  # noqa: S301
    by_hand.update(pickled, params)
    return {
        "deep": copy.deepcopy(net),
        "pickled": pickled,
        "of references": by_hand.with_vars(refs, ref=False),
        "cloned": nnx.clone(net),
        "of arrays": nnx.merge(*by_hand.split(net), copy=True),
        "mapped": by_hand.map(lambda path, v: v.copy(), net),
    }


def copied_whole(s: Setting) -> Any:
    """Copies of a module by Python and by Flax are mapped: each has variables of its own."""

    def mapped() -> Any:
        net = s.ensemble()
        axes = s.axes_of(net, s.filters())
        copies = _copies(net)
        y = {}
        for n, (name, each) in enumerate(copies.items()):
            call = s.map(lambda net, x: net(x), in_axes=(axes, 0))
            y[name] = call(each, s.inputs() + n), variables(each)
        return y, variables(net)

    def one(i: int) -> Any:
        y = {}
        for n, name in enumerate(_NAMES):
            net = s.member(i)
            y[name] = net(s.inputs()[i] + n), variables(net)
        return y

    right = {name: (y, s.placed(after)) for name, (y, after) in s.loop(one).items()}
    return mapped, (right, variables(s.ensemble()))


_NAMES = ("deep", "pickled", "of references", "cloned", "of arrays", "mapped")


def references_held(s: Setting) -> Any:
    """Variables that hold references are written to under maps where no graph is updated, and compiled."""
    lifts: Any = nnx
    # Where the graph is updated, what is written to them is lost: `references_written`.
    s = dataclasses.replace(s, mode=s.mode or {"graph_updates": False})

    make = lifts.var_defaults(ref=True)(s.ensemble)

    def called(net: Any, x: Any) -> Any:
        y = lifts.jit(lambda net, x: net(x), **s.mode)(net, x)
        return y + net(x + 1)

    def mapped() -> Any:
        with lifts.var_defaults(ref=True):
            inner = lifts.var_defaults(ref=False)
            with inner:
                told = [not lifts.var_defaults().ref]
            told += [lifts.var_defaults()["ref"], nnx.Param(jnp.zeros(2)).ref]
        net, plain = make(), s.ensemble()
        told += [net.w.ref, not plain.w.ref, not lifts.var_defaults().ref]
        y = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))(net, s.inputs())
        kept = isinstance(net.total.get_raw_value(), jax.Ref)
        return y, variables(net), np.array([*told, kept])

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        return net(x) + net(x + 1), variables(net)

    y, after = s.loop(one)
    return mapped, (y, s.placed(after), np.ones(7, bool))


def references_written(s: Setting) -> Any:
    """Variables that hold references are written to under a map that updates the graph."""
    lifts: Any = nnx
    added = s.whole(5, s.size, FEATURES)

    def called(total: Any, x: Any) -> Any:
        y = read(total) + x
        total[...] = y
        return 2 * y

    def mapped() -> Any:
        with lifts.var_defaults(ref=True):
            total = Total(jnp.ones((s.size, FEATURES)))
        return s.map(called, in_axes=0)(total, added), read(total)

    return mapped, (2 * (1 + added), 1 + added)


USES: dict[str, Use] = {
    "use.all-operators": all_operators,
    "use.asked-of-variables": asked_of_variables,
    "use.copied-whole": copied_whole,
    "use.references-held": references_held,
    "use.references-written": references_written,
}

NEEDS: dict[str, str] = {**dict.fromkeys(USES, "0.12.8"), "use.references-written": "0.12.3"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY = ("use.all-operators", "use.references-written")
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
