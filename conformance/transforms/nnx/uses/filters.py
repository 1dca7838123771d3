"""Filters, and a state, that say which streams are split or repeated, and along which axes variables are."""

from functools import partial
from typing import Any

import jax
from flax import nnx

from conformance.transforms.nnx.uses.base import Net, Setting, Use, variables
from conformance.transforms.nnx.uses.streams import as_it_was, keys, left, roll

STREAMS = ("noise", "copied", "other")
"""A stream that is split, one that every example has a copy of, and one that is left as it is."""


def _drawn(names: Any, rngs: Any) -> Any:
    return {name: roll(rngs[name]()) for name in names}


def _roots(s: Setting) -> dict[str, Any]:
    return {name: jax.random.key(s.seed + i) for i, name in enumerate(STREAMS)}


def _named(drawn: Any) -> Any:
    return dict(zip(STREAMS, map(roll, drawn), strict=True))


def _by_methods(s: Setting, rngs: Any) -> Any:
    split, copied = rngs.split({"noise": s.size, "other": None}), {"copied": s.size}
    return [(split, ("noise", "other")), (rngs.broadcast(copied), ("copied",))]


def _by_function(s: Setting, rngs: Any) -> Any:
    flax_nnx: Any = nnx
    how = {"split": {"noise": s.size}, "broadcast": {"copied": s.size}}
    return [(flax_nnx.with_rngs(rngs, **how, **(s.mode or {"graph": False})), STREAMS)]


def _streams(s: Setting, before: int, way: Any) -> Any:
    """`streams_by_filter`, of streams from which so many numbers have been drawn before."""
    roots = _roots(s)

    def mapped() -> Any:
        rngs = nnx.Rngs(**roots)
        drawn: dict[str, Any] = {}
        for _ in range(before):
            _drawn(STREAMS, rngs)
        for given, names in way(s, rngs):
            filters = {**{name: 0 for name in names if name != "other"}, ...: None}
            call = s.map(partial(_drawn, names), in_axes=(s.axes_of(given, filters),))
            drawn |= call(given)
        return drawn, left(rngs, "noise", "copied")

    def one(i: int) -> Any:
        folded = {name: jax.random.fold_in(root, before) for name, root in roots.items()}
        own = keys(s, roots["noise"], before)[i]
        drawn = [jax.random.fold_in(key, 0) for key in (own, folded["copied"])]
        return _named([*drawn, folded["other"]])

    counted = {name: as_it_was(roots[name], before + 1) for name in ("noise", "copied")}
    return mapped, (s.loop(one), counted)


def streams_by_filter(s: Setting) -> Any:
    """One stream is split, one is copied for every example and one stays as it is, by method or function."""
    ways = [_streams(s, 0, _by_methods), _streams(s, 2, _by_function)]
    return lambda: [way() for way, _ in ways], [right for _, right in ways]


def drawn_again(s: Setting) -> Any:
    """The same by methods alone, of streams from which numbers have been drawn: none is drawn again."""
    return _streams(s, 2, _by_methods)


def streams_for_call(s: Setting) -> Any:
    """Streams are split and forked for a call, those of some names alone: by function, and by decorator."""
    flax_nnx: Any = nnx
    mode, roots = s.mode or {"graph": False}, _roots(s)
    ways = (
        {"split": s.size, "only": "noise"},
        {"split": {"noise": s.size}, "fork": "copied"},
        {"split": {"noise": s.size}, "fork": ..., "only": nnx.Not("other")},
    )

    def mapped() -> Any:
        results = []
        for way in ways:
            for decorated in (False, True):
                rngs = nnx.Rngs(**roots)
                _drawn(STREAMS, rngs)

                def drawn(rngs: Any) -> Any:
                    axes = s.axes_of(rngs, {"noise": 0, ...: None})
                    call = s.map(partial(_drawn, STREAMS), in_axes=(axes,))
                    return call(rngs), left(rngs, *STREAMS[1:])

                if decorated:
                    given = flax_nnx.with_rngs(**way, **mode)(drawn)(rngs)
                else:
                    given = drawn(flax_nnx.with_rngs(rngs, **way, **mode))
                results.append((given, left(rngs, *STREAMS)))
        return results

    def right(forks: bool) -> Any:
        folded = {name: jax.random.fold_in(root, 1) for name, root in roots.items()}
        copied = jax.random.fold_in(folded["copied"], 0) if forks else folded["copied"]
        each = keys(s, roots["noise"], 1)
        drawn = s.loop(lambda i: _named([jax.random.fold_in(each[i], 0), copied, folded["other"]]))
        two = {name: as_it_was(root, 2) for name, root in roots.items()}
        within = {**two, "copied": as_it_was(folded["copied"], 1)} if forks else two
        return (drawn, {name: within[name] for name in STREAMS[1:]}), two

    return mapped, [right(False)] * 2 + [right(True)] * 4


def _forked(s: Setting, filters: Any) -> Any:
    """A stream is forked for the examples, the others for all of them; then they are as before."""
    roots = _roots(s)

    def mapped() -> Any:
        rngs = nnx.Rngs(**roots)
        axes = s.axes_of(rngs, {"noise": 0, ...: None})
        call = s.map(partial(_drawn, STREAMS), in_axes=(axes,))
        given: Any = nnx.fork_rngs(rngs, split=filters, **s.mode)
        if s.mode:
            return call(given), left(rngs, *STREAMS)
        drawn = call(rngs)
        nnx.restore_rngs(given)
        return drawn, left(rngs, *STREAMS)

    def one(i: int) -> Any:
        shared = [jax.random.fold_in(roots[name], 0) for name in STREAMS[1:]]
        forks = [keys(s, roots["noise"])[i], *shared]
        return _named(jax.random.fold_in(key, 0) for key in forks)

    return mapped, (s.loop(one), {name: as_it_was(root, 1) for name, root in roots.items()})


def forked_by_filter(s: Setting) -> Any:
    """Streams are forked by filters; where the graph is not updated, two match, of which the first counts."""
    return _forked(s, {"noise": s.size, ... if s.mode else nnx.Not("noise"): None})


def forked_in_order(s: Setting) -> Any:
    """Streams are forked by filters of which two match, where the graph is updated: the first counts."""
    return _forked(s, {"noise": s.size, ...: None})


def reseeded(s: Setting) -> Any:
    """The members' streams of one name are seeded anew, each by a key of its own, and count from 0 again."""
    roots = _roots(s)

    def mapped() -> Any:
        rngs = nnx.Rngs(**{name: keys(s, root) for name, root in roots.items()})
        call = s.map(partial(_drawn, STREAMS), in_axes=(s.axes_of(rngs, {...: 0}),))
        first = call(rngs)
        nnx.reseed(rngs, policy="match_shape", noise=s.seed)
        return first, call(rngs), left(rngs, "noise", "other")

    def one(i: int) -> Any:
        own = {name: keys(s, root)[i] for name, root in roots.items()}
        anew = keys(s, jax.random.key(s.seed))[i]
        first = [jax.random.fold_in(own[name], 0) for name in STREAMS]
        second = [jax.random.fold_in(own[name], 1) for name in STREAMS[1:]]
        after = left(nnx.Rngs(noise=anew, other=own["other"]), "noise", "other")
        return _named(first), _named([jax.random.fold_in(anew, 0), *second]), after

    first, second, after = s.loop(one)
    counts = {"noise": 1, "other": 2}
    after = {name: [key, count + counts[name]] for name, (key, count) in after.items()}
    return mapped, (first, second, after)


def axes_of_state(s: Setting) -> Any:
    """A state says along which axis each variable is, and several are along one."""

    def mapped() -> Any:
        net, state = s.ensemble(), {"w": s.axis, "b": s.axis, "total": 0}
        axes: Any = nnx.StateAxes(nnx.State(state))

        def function(net: Any, x: Any) -> Any:
            return net(x), Net(**variables(net))

        call = s.mapping(function, in_axes=(axes, 0), out_axes=(0, axes))
        y, made = call(net, s.inputs())
        return {"y": y, **variables(net)}, variables(made)

    right = s.expected()
    return mapped, (right, {name: right[name] for name in ("w", "b", "total")})


USES: dict[str, Use] = {
    "use.streams-by-filter": streams_by_filter,
    "use.streams-for-call": streams_for_call,
    "use.drawn-again": drawn_again,
    "use.forked-by-filter": forked_by_filter,
    "use.forked-in-order": forked_in_order,
    "use.reseeded": reseeded,
    "use.axes-of-state": axes_of_state,
}

NEEDS: dict[str, str] = {
    "use.streams-by-filter": "0.12.7",
    "use.streams-for-call": "0.12.7",
    "use.drawn-again": "0.12.7",
    "use.forked-by-filter": "0.11",
    "use.forked-in-order": "0.11",
    "use.reseeded": "0.11",
    "use.axes-of-state": "0.10.2",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.axes-of-state", "use.forked-in-order")
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
