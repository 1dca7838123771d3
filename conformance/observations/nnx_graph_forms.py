"""What the functions of `flax.nnx` do with graphs of modules: filters, states, what modules hold, modes."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, whole
from conformance.observations.nnx_parts import layer, of_nnx
from conformance.observations.record import needed


def nnx() -> Forms:
    """Forms of what users do with modules and their states, transforms aside."""
    return {**_of_filters(), **_of_states(), **_of_graphs(), **_of_calls()}


def _within(derived: str, function: Callable[[Any], Any], given: Any) -> Any:
    """What a function of functions, named, makes of one, of an object of NNX."""
    return needed(derived)(function)(given)


def _model() -> Any:
    class Model(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self, rngs: Any) -> None:
            self.linear = of_nnx("Linear")(2, 2, rngs=rngs)
            self.norm = of_nnx("BatchNorm")(2, rngs=rngs)
            self.dropout = of_nnx("Dropout")(0.5, rngs=rngs)
            self.tagged = of_nnx("Param")(whole(2), tag="a")

        def __call__(self, x: Any) -> Any:
            return self.dropout(self.norm(self.linear(x)))

    return Model(of_nnx("Rngs")(0))


def _made(name: str) -> Any:
    return of_nnx(name)()


def _count(tree: Any) -> int:
    return len(jax.tree_util.tree_leaves(tree))


def _of_filters() -> Forms:
    filters: dict[str, Callable[[], Any]] = {
        "kind": lambda: of_nnx("Param"),
        "name-of-a-kind": lambda: "params",
        "name-of-a-stream": lambda: "default",
        "path": lambda: of_nnx("PathContains")("kernel"),
        "part-of-a-path": lambda: of_nnx("PathContains")("kern"),
        "path-inexact": lambda: of_nnx("PathContains")("kern", exact=False),
        "path-in": lambda: of_nnx("PathIn")(("linear", "kernel")),
        "tag": lambda: of_nnx("WithTag")("a"),
        "function": lambda: lambda path, value: "bias" in path,
        "true": lambda: True,
        "false": lambda: False,
        "none": lambda: None,
        "ellipsis": lambda: ...,
        "tuple": lambda: (of_nnx("Param"), of_nnx("BatchStat")),
        "list": lambda: [of_nnx("Param"), of_nnx("BatchStat")],
        "not": lambda: of_nnx("Not")(of_nnx("Param")),
        "all": lambda: of_nnx("All")(of_nnx("Param"), of_nnx("PathContains")("bias")),
        "any": lambda: of_nnx("Any")(of_nnx("BatchStat"), "params"),
        "of-type": lambda: of_nnx("OfType")(of_nnx("Variable")),
        "everything": partial(_made, "Everything"),
        "nothing": partial(_made, "Nothing"),
        "number": lambda: 3,
    }
    forms: Forms = {}
    for name, made in filters.items():
        forms[f"filter-{name}"] = partial(lambda f: _count(of_nnx("state")(_model(), f())), made)
        forms[f"filter-{name}-of-a-state"] = partial(
            lambda f: _count(of_nnx("filter_state")(of_nnx("state")(_model()), f(), ...)), made
        )
    kinds = ("Param", "BatchStat")
    return forms | {
        "split-in-kinds": lambda: [
            _count(part) for part in of_nnx("split")(_model(), *map(of_nnx, kinds), ...)[1:]
        ],
        "split-in-some": lambda: of_nnx("split")(_model(), of_nnx("Param")),
        "split-rest-first": lambda: of_nnx("split")(_model(), ..., of_nnx("Param")),
        "split-twice-the-same": lambda: [
            _count(p) for p in of_nnx("split")(_model(), of_nnx("Param"), of_nnx("Param"), ...)[1:]
        ],
        "popped-param": lambda: of_nnx("pop")(_model(), of_nnx("Param")),
        "popped-nothing": lambda: _count(of_nnx("pop")(_model(), of_nnx("Intermediate"))),
    }


def _of_one_state() -> dict[str, Callable[[Any], Any]]:
    """By name, what is done with a State."""
    return {
        "keys": lambda s: sorted(map(str, s)),
        "items": lambda s: sorted((str(k), type(v).__name__) for k, v in s.items()),
        "length": len,
        "in": lambda s: ["bias" in s, "other" in s],
        "kind-by-attribute": lambda s: type(s.kernel).__name__,
        "kind-by-item": lambda s: type(s["kernel"]).__name__,
        "value": lambda s: s["kernel"].value,
        "kind-of-kind": lambda s: s["kernel"].type.__name__,
        "other": lambda s: s["other"],
        "flat": lambda s: sorted(
            (str(path), type(leaf).__name__) for path, leaf in of_nnx("to_flat_state")(s)
        ),
        "flat-method": lambda s: sorted(map(str, dict(s.flat_state()))),
        "pure": lambda s: dict(of_nnx("to_pure_dict")(s)),
        "pure-method": lambda s: s.to_pure_dict(),
        "raw": lambda s: type(s.raw_mapping).__name__,
        "mapped": lambda s: jax.tree_util.tree_map(lambda a: 2 * a, s)["bias"].value,
        "mapped-by-path": lambda s: _count(of_nnx("map_state")(lambda path, v: v, s)),
        "mapped-by-method": lambda s: _count(s.map(lambda path, v: v)),
        "copied": lambda s: type(copy.copy(s)).__name__,
        "pickled": lambda s: len(pickle.dumps(s)) > 0,
        "equal": lambda s: bool(s == s),
        "leaf-paths": lambda s: [
            jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(s)[0]
        ],
        "in-jit": lambda s: type(jax.jit(copy.copy)(s)["bias"]).__name__,
        "in-vmap": partial(_within, "jax.vmap", lambda t: 2 * t["bias"].value),
        "gradient": lambda s: type(jax.grad(lambda t: t["bias"].value.sum())(s)).__name__,
    }


def _of_states() -> Forms:
    def state(*filters: Any) -> Any:
        return of_nnx("state")(layer(), *filters)

    def by(path: str) -> Any:
        return state(of_nnx("PathContains")(path))

    def without() -> Any:
        kept = state()
        del kept["bias"]
        return sorted(map(str, kept))

    forms: Forms = {
        f"state-{name}": partial(lambda use: use(state()), use)
        for name, use in _of_one_state().items()
    }
    return forms | {
        "state-joined": lambda: _count(of_nnx("merge_state")(by("bias"), by("kernel"))),
        "state-or": lambda: _count(by("bias") | by("kernel")),
        "state-minus": lambda: _count(state() - by("bias")),
        "state-item-deleted": without,
        "state-of-a-dict": lambda: type(of_nnx("State")({"a": {"b": 1}})["a"]).__name__,
    }


def _held() -> dict[str, Callable[[], Any]]:
    """By name, what a module may hold."""
    return {
        "array": lambda: whole(2),
        "numpy-array": lambda: np.ones(2),
        "key": lambda: jax.random.key(0),
        "list-of-modules": lambda: [layer(), layer()],
        "list-of-arrays": lambda: [whole(2)],
        "tuple-of-modules": lambda: (layer(), layer()),
        "dict-of-modules": lambda: {"a": layer()},
        "dict-of-a-number": lambda: {1: layer()},
        "state": lambda: of_nnx("state")(layer()),
        "none": lambda: None,
        "function": lambda: jnp.sin,
        "variables-in-a-list": lambda: [of_nnx("Param")(whole(2))],
        "own-list": lambda: of_nnx("List")([layer()]),
        "own-dict": lambda: of_nnx("Dict")(a=layer()),
        "data": lambda: of_nnx("data")([layer()]),
        "static": lambda: of_nnx("static")([1, 2]),
    }


def _of_one_module() -> dict[str, Callable[[Any], Any]]:
    """By name, what is asked of a module."""
    return {
        "leaves": _count,
        "paths": lambda m: sorted(str(path) for path, _ in of_nnx("iter_graph")(m)),
        "modules": lambda m: sorted(str(path) for path, _ in of_nnx("iter_modules")(m)),
        "children": lambda m: sorted(str(name) for name, _ in of_nnx("iter_children")(m)),
        "modules-by-method": lambda m: sorted(str(path) for path, _ in m.iter_modules()),
        "children-by-method": lambda m: sorted(str(name) for name, _ in m.iter_children()),
        "variables": lambda m: _count(of_nnx("variables")(m)),
        "cloned": lambda m: _count(of_nnx("state")(of_nnx("clone")(m))),
        "copied": lambda m: _count(of_nnx("state")(copy.deepcopy(m))),
        "pickled": lambda m: len(pickle.dumps(of_nnx("split")(m))) > 0,
        "equal": lambda m: [m == m, bool(of_nnx("graphdef")(m) == of_nnx("graphdef")(_model()))],
        "hashes": lambda m: hash(of_nnx("graphdef")(m)) == hash(of_nnx("graphdef")(_model())),
        "duplicates": lambda m: len(of_nnx("find_duplicates")(m)),
        "abstract": lambda m: type(of_nnx("eval_shape")(_model).linear.kernel.value).__name__,
        "pure": lambda m: _count(of_nnx("pure")(of_nnx("state")(m))),
        "attributes": lambda m: sorted(name for name in vars(m) if not name.startswith("_")),
        "summary": lambda m: "Linear" in of_nnx("tabulate")(m, jnp.ones((3, 2))),
        "is-a-tree": lambda m: str(jax.tree_util.tree_structure(m)).count("*"),
        "mapped-as-a-tree": lambda m: type(jax.tree_util.tree_map(lambda a: a, m)).__name__,
    }


def _set_to(value: Callable[[], Any]) -> Any:
    class Holder(of_nnx("Module")):  # type: ignore[misc]  # looked up
        pass

    holder = Holder()
    holder.held = value()
    return _count(of_nnx("state")(holder))


def _set_after_none(value: Callable[[], Any]) -> Any:
    class Holder(of_nnx("Module")):  # type: ignore[misc]  # looked up
        def __init__(self) -> None:
            self.held = None

    holder = Holder()
    holder.held = value()
    return type(holder.held).__name__


def _added_later(container: Callable[[], Any], add: Callable[[Any, Any], Any]) -> Any:
    class Holder(of_nnx("Module")):  # type: ignore[misc]  # looked up
        def __init__(self) -> None:
            self.held = container()

    holder = Holder()
    add(holder.held, layer())
    return _count(of_nnx("state")(holder))


def _held_from_the_start(value: Callable[[], Any]) -> Any:
    class Holder(of_nnx("Module")):  # type: ignore[misc]  # looked up
        def __init__(self) -> None:
            self.held = value()

    return _count(of_nnx("state")(Holder()))


def _shared() -> Any:
    inner = layer()

    class Twice(of_nnx("Module")):  # type: ignore[misc]  # looked up
        def __init__(self) -> None:
            self.one, self.two = inner, inner

    return Twice()


def _updated(given: Any) -> Any:
    module = layer()
    of_nnx("update")(module, given)
    return np.asarray(module.kernel.value)


def _sown(pops: bool) -> Any:
    class Sowing(of_nnx("Module")):  # type: ignore[misc]  # looked up
        def __call__(self, x: Any) -> Any:
            self.sow(of_nnx("Intermediate"), "kept", x.sum())
            return self.perturb("added", x) if hasattr(self, "perturb") else x

    module = Sowing()
    module(whole(2)), module(whole(2))
    if pops:
        of_nnx("pop")(module, of_nnx("Intermediate"))
        return hasattr(module, "kept")
    return [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(of_nnx("state")(module))]


def _cloned() -> Any:
    clone = of_nnx("clone")(_shared())
    return clone.one is clone.two


def _viewed() -> Any:
    module = _model()
    view = of_nnx("view")(module, deterministic=True)
    return [module.dropout.deterministic, view.dropout.deterministic]


def _as_told(name: str, **options: Any) -> Any:
    module = _model()
    made = getattr(module, name)(**options)
    return [
        f"{m.dropout.deterministic} {m.norm.use_running_average}" for m in (made or module, module)
    ]


def _of_graphs() -> Forms:
    forms: Forms = {f"held-{n}": partial(_set_to, value) for n, value in _held().items()}
    forms |= {
        f"held-from-the-start-{n}": partial(_held_from_the_start, value)
        for n, value in _held().items()
    }
    forms |= {
        f"held-after-none-{n}": partial(_set_after_none, value)
        for n, value in _held().items()
        if n in {"array", "key", "numpy-array"}
    }
    forms |= {
        f"added-later-to-{n}": partial(_added_later, container, add)
        for n, container, add in (
            ("a-list", list, list.append),
            ("a-dict", dict, lambda held, module: held.setdefault("a", module)),
            ("own-list", lambda: of_nnx("List")([]), lambda held, module: held.append(module)),
        )
    }
    forms |= {
        f"graph-{n}": partial(lambda use: use(_model()), use) for n, use in _of_one_module().items()
    }
    return forms


def _of_calls() -> Forms:
    sequences: dict[str, Callable[[], Any]] = {
        "of-none": lambda: of_nnx("Sequential")()(whole(2)),
        "of-two": lambda: of_nnx("Sequential")(jnp.sin, jnp.cos)(whole(2)),
        "of-a-tuple": lambda: of_nnx("Sequential")(lambda a: (a, a), lambda a, b: a + b)(whole(2)),
        "of-a-dict": lambda: of_nnx("Sequential")(lambda a: {"b": a}, lambda b: 2 * b)(whole(2)),
        "by-item": lambda: len(of_nnx("Sequential")(jnp.sin, jnp.cos).layers),
    }
    forms: Forms = {f"sequence-{n}": call for n, call in sequences.items()}
    return forms | {
        "graph-shared-in-a-clone": _cloned,
        "graph-shared-in-jit": lambda: of_nnx("jit")(lambda m: m.one is m.two)(_shared()),
        "updated-in-part": lambda: _updated({"kernel": whole(2, 2)}),
        "updated-with-another": lambda: _updated({"other": whole(2, 2)}),
        "updated-with-another-shape": lambda: _updated({"kernel": whole(3)}),
        "sown-twice": lambda: _sown(False),
        "sown-and-popped": lambda: _sown(True),
        "mode-eval": lambda: _as_told("eval"),
        "mode-train": lambda: _as_told("train"),
        "mode-set": lambda: _as_told("set_attributes", deterministic=True),
        "mode-set-unknown": lambda: _as_told("set_attributes", unknown=True),
        "mode-viewed": _viewed,
    }
