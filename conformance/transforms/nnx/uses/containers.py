"""What holds modules, and what is split off them, under a map: lists, dictionaries, sequences, states."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import (
    OUTPUTS,
    Net,
    Setting,
    Total,
    Use,
    refuses,
    variables,
)

BY_HAND: Any = nnx


def _sum(parts: Iterable[Any], x: Any) -> Any:
    """The weighted sum of what each variable or module gives."""
    each = [part.encode(x) if isinstance(part, Net) else read(part) for part in parts]
    return sum((n + 1) * y for n, y in enumerate(each))


def _rearrange(parts: Any, first: Any, last: Any) -> list[bool]:
    """Change a list of three in every way that a list has; return what is said of it on the way."""
    parts.append(last)
    parts.insert(1, first)
    parts[0], parts[-1] = parts[-1], parts[0]
    said = [len(parts) == 5, parts[1] is first, parts[-5] is parts[0]]
    said.append(sum(each is first for each in parts) == 1)
    parts[2:4] = [parts[3], parts[2]]
    said += [len(parts[1:]) == 4, parts[::2][1] is parts[2], parts[1:2][0] is first]
    said.append(parts.pop() is not last)
    for way, error in (
        (lambda: parts[4], IndexError),
        (lambda: parts["a"], TypeError),
        (lambda: parts.__setitem__(-5, first), IndexError),
        (lambda: parts.__setitem__(slice(0, 2), [first]), ValueError),
        (lambda: parts.__delitem__(4), IndexError),
        (lambda: parts.__setitem__("a", first), TypeError),
    ):
        said.append(bool(refuses(way, error)))
    return said


def lists_and_dictionaries(s: Setting) -> Any:
    """Lists and dictionaries of modules and variables are changed in every way, under a map and before it."""
    whole = s.whole(5, s.size, 4, OUTPUTS)

    def parts_of(net: Any, values: Any) -> Any:
        return BY_HAND.List([nnx.Param(values[0]), net, nnx.Param(values[1])])

    def told(holder: Any) -> list[bool]:
        holder["new"] = 5
        said = [sorted(holder) == ["list", "net", "new"], len(holder) == 3, "net" in holder]
        del holder["new"]
        said += [len(holder) == 2, bool(refuses(lambda: holder["new"], KeyError, "new"))]
        said.append(bool(refuses(lambda: holder.__delitem__("new"), KeyError, "new")))
        return said

    def called(holder: Any, values: Any, x: Any) -> Any:
        said = told(holder)
        y = holder.net(x)
        # What is made here is of this example alone.
        own = parts_of(Net(read(holder.net.w), read(holder.net.b), read(holder.net.total)), values)
        said += _rearrange(own, nnx.Param(values[2]), nnx.Param(values[3]))
        if not s.mode:
            # Where the graph is updated, what is given may change its form.
            holder["list"].append(nnx.Param(values[3]))
        return y, _sum(own, x), _sum(holder["list"], x), np.array(said)

    def mapped() -> Any:
        net = s.ensemble()
        shared = net if not s.mode else Net(**s.placed(s.values()))
        values = [nnx.Param(whole[:, n]) for n in (0, 1)]
        holder = BY_HAND.Dict({"net": net}, list=BY_HAND.List([values[0], shared, values[1]]))
        call = s.map(called, in_axes=(s.axes_of(holder, _front(s)), 0, 0))
        y = call(holder, whole, s.inputs())
        kept = [read(each) for each in holder["list"] if not isinstance(each, Net)]
        return y, variables(net), kept

    def one(i: int) -> Any:
        net, values, x = s.member(i), whole[i], s.inputs()[i]
        y = net(x)
        own = [values[3], values[2], values[1], y]
        given = [values[0], y, values[1], *(() if s.mode else (values[3],))]
        sums = [sum((n + 1) * each for n, each in enumerate(e)) for e in (own, given)]
        return (y, *sums, np.ones(20, bool)), variables(net), [given[0], *given[2:]]

    y, after, kept = s.loop(one)
    return mapped, (y, s.placed(after), kept)


def shortened_lists(s: Setting) -> Any:
    """Lists of variables that have lost some of them are mapped as trees: no variable is in them twice."""
    added = s.whole(5, s.size, OUTPUTS)

    def called(first: Any, last: Any, x: Any) -> Any:
        for each in (*first, *last):
            each[...] = read(each) + x
        return _sum(first, x), _sum(last, x)

    def mapped() -> Any:
        zeros = jnp.zeros((s.size, OUTPUTS))
        first, last = (BY_HAND.List([nnx.Param(zeros + n) for n in range(4)]) for _ in range(2))
        del first[0]
        first.pop(1)
        del last[:2]
        y = s.mapping(called, in_axes=0, graph=False)(first, last, added)
        return y, [[read(each) for each in parts] for parts in (first, last)]

    kept = [[added + n for n in numbers] for numbers in ((1, 3), (2, 3))]
    return mapped, (tuple(a + 2 * b for a, b in kept), kept)


def _front(s: Setting) -> dict[Any, Any]:
    """The axes of a holder's variables: those of nets as their parameters, those of a list in front."""
    return {nnx.Any(nnx.PathContains("w"), nnx.PathContains("b")): s.axis, ...: 0}


def sequences(s: Setting) -> Any:
    """Modules in a sequence hand on what they give: tuples, by name, alone, with streams."""
    sequential = BY_HAND.Sequential
    root = jax.random.key(s.seed)

    def number(key: Any) -> Any:
        return (jax.random.key_data(key)[0] % 8).astype(jnp.float32)

    def noisy(x: Any, *, rngs: Any) -> Any:
        return x + number(rngs.noise())

    def make(net: Any) -> Any:
        pair = lambda y: (y, 2 * y)  # noqa: E731
        named = lambda a, b: {"c": a + b, "b": b}  # noqa: E731
        return sequential(net, pair, named, lambda b, c: b - 2 * c, noisy)

    def called(net: Any, rngs: Any, x: Any) -> Any:
        chain = make(net)
        empty = sequential()
        several = empty(x, x + 1)
        ways = empty(x), several[1], empty(a=x)["a"]
        said = [len(several) == 2, empty() is None]
        broken = sequential(lambda x: x)
        broken.layers[0] = 3
        said.append(bool(refuses(lambda: broken(x), TypeError, "not callable")))
        return chain(x, rngs=rngs), ways, np.array(said)

    def mapped() -> Any:
        net, rngs = s.ensemble(), nnx.Rngs(noise=root).split(s.size)
        call = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0, 0))
        return call(net, rngs, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        y = net(x)
        key = jax.random.split(jax.random.fold_in(root, jnp.uint32(0)), s.size)[i]
        noise = number(jax.random.fold_in(key, jnp.uint32(0)))
        return (noise - 4 * y, (x, x + 1, x), np.ones(3, bool)), variables(net)

    y, after = s.loop(one)
    return mapped, (y, s.placed(after))


def _of_states(net: Any, inner: Any) -> tuple[list[bool], Any]:
    """What all functions of states give for a `Net` that is in a list of a dictionary: is it right?"""
    tree = BY_HAND.Dict(nets=BY_HAND.List([net, inner]), also=net)
    graph, state = BY_HAND.split(tree)
    flat = BY_HAND.to_flat_state(state)
    params, rest = BY_HAND.split_state(state, nnx.Param, ...)
    some = BY_HAND.filter_state(state, Total)
    pure = BY_HAND.to_pure_dict(state)
    names = {"/".join(map(str, path)): value for path, value in flat}
    texts = {"also": {**pure["also"]}}
    both = BY_HAND.merge_state(rest, params)
    again = BY_HAND.from_flat_state(flat)
    more = BY_HAND.map_state(lambda path, v: v.replace(read(v) + len(path)), state)
    said = [
        sorted(names) == [f"{a}/{b}" for a in ("also", "nets/1") for b in ("b", "total", "w")],
        [path for path, _ in flat[1:3]] == list(flat.paths[1:3]),
        len(params) + len(BY_HAND.filter_state(state, ...)) == 4,
        list(BY_HAND.to_flat_state(some).paths) == [("also", "total"), ("nets", 1, "total")],
        BY_HAND.to_flat_state(both).paths == flat.paths,
        BY_HAND.to_flat_state(again).paths == flat.paths,
        (params | rest)["also"]["w"] is state["also"]["w"],
        BY_HAND.graphdef(tree) == graph,
        [sorted(map(str, sorted(map(str, each)))) for each in BY_HAND.find_duplicates(tree)]
        == [sorted(map(str, [("also",), ("nets", 0)]))],
        [key for key, _ in BY_HAND.iter_children(tree)] == ["also", "nets"],
        [path for path, _ in BY_HAND.iter_modules(tree)] == [("also",), ("nets", 1), ("nets",), ()],
        bool(refuses(lambda: BY_HAND.split(tree, nnx.Param), ValueError, "total")),
        bool(refuses(lambda: BY_HAND.split(tree, ..., nnx.Param), ValueError, "...", "index 0")),
        bool(refuses(lambda: BY_HAND.split_state(state, Total), ValueError, "remainder")),
        bool(refuses(lambda: BY_HAND.merge(graph, params), ValueError)),
        bool(refuses(lambda: BY_HAND.merge(state, state), TypeError, "GraphDef")),
        bool(refuses(lambda: BY_HAND.merge(graph), TypeError, "state")),
        bool(refuses(lambda: BY_HAND.pop(tree), ValueError, "filter")),
        bool(
            refuses(
                lambda: BY_HAND.replace_by_pure_dict(state, {"absent": 1}), ValueError, "absent"
            )
        ),
        bool(refuses(lambda: nnx.clone(tree, False, arrays=True), ValueError, "variables")),
    ]
    texts["nets"] = {"1": {name: 2 * value for name, value in pure["nets"][1].items()}}
    said.append(sorted(BY_HAND.restore_int_paths(texts)["nets"]) == [1])
    BY_HAND.replace_by_pure_dict(state, texts)
    doubled = nnx.merge(graph, state).nets[1]
    return said, (more["nets"][1]["w"], doubled)


def functions_of_states(s: Setting) -> Any:
    """All functions that take states and graphs apart are called under a map, and refuse what they must."""

    def called(net: Any, inner: Any, x: Any) -> Any:
        said, (more, doubled) = _of_states(net, inner)
        graph = BY_HAND.split(net)[0]
        y, (_, after) = graph.apply(BY_HAND.split(net)[1])(x)
        BY_HAND.set_metadata(net, only=nnx.Param, note="set")
        said += [net.w.note == "set", not net.total.has_metadata("note")]
        BY_HAND.update(inner, {"b": 2 * read(inner.b)}, BY_HAND.state(inner, Total))
        pure = BY_HAND.as_pure(BY_HAND.state(doubled))
        taken = BY_HAND.pop(doubled, Total)
        said += [not hasattr(doubled, "total"), list(taken) == ["total"]]
        values = read(more), pure["w"], read(taken["total"]), read(after["total"])
        return y, values, doubled.encode(x), read(inner.b), np.array(said)

    def mapped() -> Any:
        net, inner = s.ensemble(), s.ensemble()
        axes = s.axes_of((net, inner), s.filters())
        axes = axes if s.mode else (axes, axes)
        call = s.map(called, in_axes=(*axes, 0))
        y = call(net, inner, s.inputs())
        return y, np.array(net.w.get_metadata("note") == "set"), variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        w, b, total = (read(getattr(net, name)) for name in ("w", "b", "total"))
        y = net(x)
        values = w + 3, 2 * w, 2 * total, total + y
        return (y, values, 2 * y, 2 * b, np.ones(25, bool)), variables(net)

    y, after = s.loop(one)
    return mapped, (y, np.array(True), s.placed(after))


USES: dict[str, Use] = {
    "use.lists-and-dictionaries": lists_and_dictionaries,
    "use.shortened-lists": shortened_lists,
    "use.sequences": sequences,
    "use.functions-of-states": functions_of_states,
}

NEEDS: dict[str, str] = {**dict.fromkeys(USES, "0.12.8"), "use.shortened-lists": "0.12.6"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY = ("use.shortened-lists",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
