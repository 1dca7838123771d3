"""NNX modules made under every transform: what they start with, and what their streams count to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from conformance.observations.cases import array
from conformance.observations.nnx_parts import of_nnx
from conformance.observations.started import facts

SIZE = 4


def _model() -> Any:
    """A class with parameters, statistics and a stream."""

    class Model(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self, rngs: Any) -> None:
            self.first = of_nnx("Linear")(SIZE, SIZE, rngs=rngs)
            self.norm = of_nnx("BatchNorm")(SIZE, use_running_average=False, rngs=rngs)
            self.dropout = of_nnx("Dropout")(0.5, deterministic=False, rngs=rngs)
            self.last = of_nnx("Linear")(SIZE, SIZE, use_bias=False, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.last(self.dropout(self.norm(self.first(x))))

    return Model


def _rngs(**more: int) -> Any:
    return of_nnx("Rngs")(0, dropout=1, **more)


def _of_plain() -> Any:
    return _model()(_rngs())


def _under(transform: str, split: bool = False, **options: Any) -> Any:
    model = _model()

    def make(rngs: Any) -> Any:
        return model(rngs)

    lifted = of_nnx(transform)(make, **options)
    return (of_nnx("split_rngs")(splits=3)(lifted) if split else lifted)(_rngs())


def _closed_over() -> Any:
    model = _model()
    return of_nnx("jit")(lambda: model(_rngs()))()


def _ensemble_applied() -> Any:
    """An ensemble after one call on a shared input."""
    made = _under("vmap", split=True)
    of_nnx("vmap")(lambda m, x: m(x), in_axes=(0, None))(made, jnp.asarray(array(3, SIZE)))
    return made


def _applied(transform: str | None) -> Any:
    """A module after two calls: what its streams and statistics are then."""
    made = _of_plain()

    def call(m: Any, x: Any) -> Any:
        return m(x)

    function = of_nnx(transform)(call) if transform else call
    for _ in range(2):
        function(made, jnp.asarray(array(3, SIZE)))
    return made


def _streams() -> Any:
    """Streams after some draws."""
    rngs = of_nnx("Rngs")(0, params=1, noise=2)
    drawn = [rngs.params(), rngs.noise(), rngs.noise(), rngs()]
    return {"rngs": of_nnx("state")(rngs), "drawn": dict(enumerate(drawn))}


def _forked() -> Any:
    return _rngs().fork(split=3) if hasattr(of_nnx("Rngs"), "fork") else None


def _missing_stream() -> Any:
    """A stream that nobody named: the default one."""
    rngs = of_nnx("Rngs")(3)
    return {"drawn": {0: rngs.params(), 1: rngs.other()}}


def _split_and_left() -> Any:
    """Streams outside, after they were split for a function."""
    rngs = _rngs()
    of_nnx("split_rngs")(splits=2)(of_nnx("vmap")(lambda r: r.dropout()))(rngs)
    return rngs


def _from_linen() -> Any:
    bridged = of_nnx("bridge.ToNNX")(nn.Dense(SIZE), rngs=_rngs())
    return bridged.lazy_init(jnp.asarray(array(3, SIZE)))


def transforms() -> dict[str, Callable[[], Any]]:
    """Each way to make a module by name, with the plain one first."""
    return {
        "plain": _of_plain,
        "jit": lambda: _under("jit"),
        "jit-closed-over": _closed_over,
        "remat": lambda: _under("remat"),
        "vmap": lambda: _under("vmap", split=True),
        "vmap-shared": lambda: _under("vmap", in_axes=None, out_axes=0, axis_size=3),
        "vmap-of-the-class": lambda: of_nnx("split_rngs")(splits=3)(of_nnx("vmap")(_model()))(
            _rngs()
        ),
        "scan": lambda: _under("scan", split=True, in_axes=0, out_axes=0),
        "pmap": lambda: _under("pmap", split=True),
        "streams": _streams,
        "streams-forked": _forked,
        "streams-split": _split_and_left,
        "stream-missing": _missing_stream,
        "applied": lambda: _applied(None),
        "applied-jit": lambda: _applied("jit"),
        "applied-remat": lambda: _applied("remat"),
        "applied-ensemble": _ensemble_applied,
        "bridge": _from_linen,
    }


def started(transform: str, plain: Mapping[str, Any]) -> dict[str, Any]:
    """What the state of the module is after it was made by a way of `transforms`."""
    return facts(state_by_path(transforms()[transform]()), plain)


def state_by_path(made: Any) -> dict[str, Any]:
    """The leaves of a module's state, or of a tree, by path; beside each the kind of its Variable."""
    state = made if isinstance(made, Mapping) else of_nnx("state")(made)
    return dict(_leaves(state, ()))


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for name in tree:
            yield from _leaves(tree[name], (*path, str(name)))
        return
    kind = getattr(tree, "type", None) if _has_value(tree) else None
    said = getattr(kind if isinstance(kind, type) else type(tree), "__name__", "")
    value = _value(tree) if _has_value(tree) else tree
    yield "/".join(path), (value, said) if _has_value(tree) else value


def _has_value(leaf: Any) -> bool:
    return hasattr(leaf, "get_value") or hasattr(type(leaf), "value") or "value" in _fields(leaf)


def _fields(leaf: Any) -> Any:
    return getattr(leaf, "__dict__", {})


def _value(leaf: Any) -> Any:
    return leaf.get_value() if hasattr(leaf, "get_value") else leaf.value
