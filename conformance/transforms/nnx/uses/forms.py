"""The forms that states have, what objects do not have, and how Python copies them, under a map."""

import copy
import pickle
from typing import Any

import jax
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import Net, Setting, Use, variables
from conformance.transforms.nnx.uses.streams import left, roll

BY_HAND: Any = nnx


def _forms(net: Any) -> dict[str, tuple[Any, ...]]:
    """What may be given for the state of a `Net`, each with variables of its own."""

    def state() -> Any:
        return jax.tree_util.tree_map(lambda leaf: leaf, nnx.state(net))

    def parts() -> Any:
        return BY_HAND.split_state(state(), nnx.Param, ...)

    flat, pure = BY_HAND.to_flat_state, BY_HAND.to_pure_dict
    params, rest = parts()
    return {
        "state": (state(),),
        "dictionary": (dict(state()),),
        "pure": (pure(state()),),
        "parts": parts(),
        "parts back": parts()[::-1],
        "pure parts": tuple(pure(each) for each in parts()),
        "and none": (state(), {}),
        "flat": (flat(state()),),
        "flat parts": tuple(flat(each) for each in parts()),
        "mixed": (flat(rest), pure(params)),
        "slices": (flat(state())[1:], flat(state())[:1]),
        "unpacked": (BY_HAND.unpack(nnx.clone(net)),),
        "unpacked parts": BY_HAND.unpack(nnx.clone(net), nnx.Param, ...),
        "variables": ([variable for _, variable in flat(state())],),
        "arrays": (jax.tree_util.tree_leaves(state()),),
    }


NESTED = ("state", "dictionary", "parts", "and none", "unpacked", "unpacked parts")
TO_UPDATE = (*NESTED, "pure", "parts back", "pure parts")
"""The forms that `nnx.update` takes."""
SHARED = (*NESTED, "flat", "mixed", "slices", "variables")
"""Those that hold the variables that a module made of them has."""


def forms_of_states(s: Setting) -> Any:
    """Modules are made and updated of states in every form, which maps take and give."""

    def mapped() -> Any:
        graph: Any = nnx.graphdef(Net(**s.values()))

        def called(forms: Any, x: Any) -> Any:
            nets = {name: BY_HAND.merge(graph, *form) for name, form in forms.items()}
            y = {name: net(x) for name, net in nets.items()}
            return y, {name: _forms(net)[name] for name, net in nets.items()}

        forms = _forms(Net(**s.values()))
        y, given = s.map(called, in_axes=(0, 0))(forms, s.inputs())
        made = {name: variables(BY_HAND.merge(graph, *form)) for name, form in given.items()}
        updated = {}
        for name in TO_UPDATE:
            net = Net(**s.values())
            BY_HAND.update(net, *given[name])
            updated[name] = variables(net)
        shared = {name: variables(BY_HAND.merge(graph, *forms[name]))["total"] for name in SHARED}
        return y, made, updated, shared

    def one(i: int) -> Any:
        net = s.member(i)
        return net(s.inputs()[i]), variables(net)

    y, after = s.loop(one)
    names = _forms(Net(**s.values()))
    return mapped, (
        dict.fromkeys(names, y),
        dict.fromkeys(names, after),
        dict.fromkeys(TO_UPDATE, after),
        dict.fromkeys(SHARED, after["total"]),
    )


ABSENT = ("absent", "html", "fspath", "await", "wrapped", "jax_array", "array", "next", "enter")
"""Without the underlines, what Python and its libraries ask objects for, and none of ours has."""
OF_ARRAYS = ("jax_array", "array")
"""Those of them that variables have."""


def _kinds(rngs: Any, x: Any) -> dict[str, Any]:
    """Objects of each kind."""
    net = Net(x, 2 * x, 3 * x)
    state = nnx.state(net)
    return {
        "streams": rngs,
        "stream": rngs.noise,
        "with default": nnx.Rngs(jax.random.key(0)),
        "variable": net.w,
        "module": net,
        "list": BY_HAND.List([net]),
        "dictionary": BY_HAND.Dict(net=net),
        "state": state,
        "flat": BY_HAND.to_flat_state(state),
        "graph": nnx.graphdef(net),
    }


def _lacks(kind: str, each: Any) -> list[bool]:
    """Whether an object has none of what it should not have, and says so in each way."""
    names = [name for name in ABSENT if kind != "variable" or name not in OF_ARRAYS]
    asked = [f"__{name}__" for name in names]
    # A stream of any other name is the default one.
    plain = [] if kind == "with default" else ["absent", "_absent"]
    said = [not hasattr(each, name) for name in (*asked, *plain)]
    said += [getattr(each, name, said) is said for name in (*asked, *plain)]
    return said


def _copied(net: Any, rngs: Any) -> Any:
    """What is drawn from and written to copies by Python, and to their originals through them."""
    shallow, deep = copy.copy(rngs), copy.deepcopy(rngs)
    stream, own = copy.copy(rngs.noise), copy.deepcopy(rngs.noise)
    drawn = [roll(each()) for each in (shallow.noise, deep.noise, stream, own, rngs.noise)]
    parts = [
        [copy.copy(net), copy.copy(net.w), copy.copy(BY_HAND.List([net]))[0]],
        [copy.deepcopy(net), copy.deepcopy(BY_HAND.Dict(net=net)).net],
    ]
    write(parts[0][0].b, read(net.b) + 1)
    write(parts[0][2].b, read(net.b) + 1)
    write(parts[0][1], 2 * read(net.w))
    for each in parts[1]:
        write(each.b, read(each.b) * 0)
    state = copy.copy(nnx.state(net))
    return drawn, read(net.b), read(net.w), read(parts[0][1]), read(state["w"])


def asked_for_absent(s: Setting) -> Any:
    """Objects of all kinds have no attribute that they should not have; copies by Python are whole."""
    root, values = jax.random.key(s.seed % 2**31), s.values()

    def called(rngs: Any, net: Any, x: Any) -> Any:
        said = [_lacks(kind, each) for kind, each in _kinds(rngs, x).items()]
        return np.array([all(each) for each in said]), _copied(net, rngs)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root)
        # Where it goes through other hands, it is the same.
        again: Any = pickle.loads(pickle.dumps(rngs.split(s.size)))  # noqa: S301
        net = Net(**values)
        given = s.map(called, in_axes=(0, 0, 0))(again, net, s.inputs())
        return given, variables(net), left(again, "noise")

    keys = jax.random.split(jax.random.fold_in(root, 0), s.size)

    def one(i: int) -> Any:
        own = [roll(jax.random.fold_in(keys[i], n)) for n in range(3)]
        drawn = [own[n] for n in (0, 0, 1, 0, 2)]
        w, b, total = (value[i] for value in values.values())
        said = np.ones(10, bool)
        return (said, (drawn, b + 2, w, 2 * w, w)), {"w": w, "b": b + 2, "total": total}

    given, after = s.loop(one)
    return mapped, (
        given,
        after,
        {"noise": [jax.random.key_data(keys), np.full(s.size, 3, np.uint32)]},
    )


def deep_copies(s: Setting) -> Any:
    """Variables and states that Python copies with all that they hold are variables and states."""
    values = s.values()

    def called(net: Any, x: Any) -> Any:
        graph, state = BY_HAND.split(net)
        variable, nested = copy.deepcopy(net.w), copy.deepcopy(state)
        flat = copy.deepcopy(BY_HAND.to_flat_state(state))
        kinds = [type(each) is nnx.Param for each in (variable, nested["w"], dict(flat)[("w",)])]
        write(variable, 2 * read(net.w))
        y = BY_HAND.merge(graph, nested)(x)
        return y, read(variable), np.array(kinds)

    def mapped() -> Any:
        net = Net(**values)
        return s.map(called, in_axes=(0, 0))(net, s.inputs()), variables(net)

    right = s.expected()["y"], 2 * values["w"], np.ones((s.size, 3), bool)
    return mapped, (right, values)


USES: dict[str, Use] = {
    "use.forms-of-states": forms_of_states,
    "use.asked-for-absent": asked_for_absent,
    "use.deep-copies": deep_copies,
}

NEEDS: dict[str, str] = {**dict.fromkeys(USES, "0.12.8"), "use.deep-copies": "0.11"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ()
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
