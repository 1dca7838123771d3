"""What NNX transforms do with modules and Variables: scans, cells, metadata, branches, gradients, states."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, whole
from conformance.observations.record import needed

_ONES = nn.initializers.ones


def _nnx(name: str) -> Any:
    return needed(f"flax.nnx.{name}")


def _layer() -> Any:
    return _nnx("Linear")(2, 2, kernel_init=_ONES, rngs=_nnx("Rngs")(0))


def _layers() -> Any:
    def make(rngs: Any) -> Any:
        return _nnx("Linear")(2, 2, kernel_init=_ONES, rngs=rngs)

    return _nnx("split_rngs")(splits=3)(_nnx("vmap")(make))(_nnx("Rngs")(0))


def _leaves(tree: Any) -> Any:
    return [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(tree)]


def nnx() -> Forms:
    """Forms of what is beside `nnx.vmap`."""
    return {**_scans(), **_cells(), **_metadata(), **_states(), **_set(), **_gradients()}


def _scans() -> Forms:
    x, carry = whole(3, 2), jnp.zeros(2)

    def scan(function: Any, *given: Any, **options: Any) -> Any:
        return _nnx("scan")(function, **options)(*given)

    def over_layers(**more: Any) -> Any:
        run = _nnx("scan")(
            lambda c, m: m(c), in_axes=(_nnx("Carry"), 0), out_axes=_nnx("Carry"), **more
        )
        return run(x, _layers())

    return {
        "scan-of-examples-alone": lambda: scan(lambda a: 2 * a, x, in_axes=0, out_axes=0),
        "scan-of-a-carry-alone": lambda: scan(
            lambda c: c + 1, carry, in_axes=_nnx("Carry"), out_axes=_nnx("Carry"), length=3
        ),
        "scan-with-shared": lambda: scan(
            lambda c, a, w: (c + a * w, c),
            *(carry, x, 2.0),
            in_axes=(_nnx("Carry"), 0, None),
            out_axes=(_nnx("Carry"), 0),
        ),
        "scan-in-reverse": lambda: scan(
            lambda c, a: (c + a, c),
            *(carry, x),
            in_axes=(_nnx("Carry"), 0),
            out_axes=(_nnx("Carry"), 0),
            reverse=True,
        ),
        "scan-of-a-dict": lambda: scan(
            lambda c, d: (c + d["a"], c),
            *(carry, {"a": x}),
            in_axes=(_nnx("Carry"), {"a": 0}),
            out_axes=(_nnx("Carry"), 0),
        ),
        "scan-over-layers": over_layers,
        "scan-over-layers-unrolled": lambda: over_layers(unroll=3),
        "scan-that-sows": _sown,
        "fori-loop-of-a-state": lambda: _leaves(
            _nnx("fori_loop")(
                0,
                2,
                lambda i, c: jax.tree_util.tree_map(lambda a: a + 1, c),
                _nnx("state")(_layer()),
            )
        ),
        "while-loop-of-numbers": lambda: _nnx("while_loop")(lambda c: c < 3, lambda c: c + 1, 0.0),
    }


def _sown() -> Any:
    class Sowing(_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self) -> None:
            self.layer = _layer()

        def __call__(self, c: Any) -> Any:
            self.sow(_nnx("Intermediate"), "y", c[0])
            return self.layer(c[0]), c[1] + 1

    axes = _nnx("StateAxes")({_nnx("Intermediate"): 0, ...: _nnx("Carry")})
    options = {"in_axes": (axes, _nnx("Carry")), "out_axes": _nnx("Carry"), "length": 3}
    module = Sowing()
    given = _nnx("scan")(lambda m, c: m(c), **options)(module, (jnp.zeros(2), 0.0))
    return given, jax.tree_util.tree_map(jnp.shape, jax.tree_util.tree_leaves(module.y))


def _cells() -> Forms:
    x = whole(2, 4, 3)

    def cell(name: str) -> Any:
        return _nnx(name)(3, 2, rngs=_nnx("Rngs")(0))

    def shapes(given: Any) -> Any:
        return str(jax.tree_util.tree_map(jnp.shape, given))

    def rnn(name: str = "LSTMCell", given: Any = None, **options: Any) -> Any:
        return shapes(
            jax.eval_shape(lambda: _nnx("RNN")(cell(name), **options)(x, **(given or {})))
        )

    def carry(name: str) -> Any:
        return shapes(jax.eval_shape(lambda: cell(name).initialize_carry((2, 3), _nnx("Rngs")(0))))

    def at_length() -> Any:
        lengths = jnp.array([2, 4])
        carry, y = _nnx("RNN")(cell("SimpleCell"), return_carry=True)(x, seq_lengths=lengths)
        return bool(jnp.allclose(carry[0], y[0, 1]))

    def both_ways() -> Any:
        def run() -> Any:
            one, other = (_nnx("RNN")(cell("GRUCell")) for _ in range(2))
            return _nnx("Bidirectional")(one, other, rngs=_nnx("Rngs")(0))(x)

        return shapes(jax.eval_shape(run))

    names = ("LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell")
    return {
        **{f"rnn-of-{name}": partial(rnn, name) for name in names},
        **{f"carry-of-{name}": partial(carry, name) for name in names},
        "rnn-carry-at-length": at_length,
        "rnn-time-major": lambda: rnn(time_major=True),
        "rnn-kept-in-order": lambda: rnn(reverse=True, keep_order=True),
        "rnn-given-lengths": lambda: rnn(given={"seq_lengths": jnp.array([2, 4])}),
        "rnn-given-a-carry": lambda: rnn(
            given={"initial_carry": (jnp.zeros((2, 2)), jnp.zeros((2, 2)))}
        ),
        "rnn-both-ways": both_ways,
    }


def _metadata() -> Forms:
    def told(option: str, partition: Any = "m") -> Any:
        """How often a hook of a parameter is called when a map adds an axis to it."""
        calls: list[str] = []
        hook = {option: lambda *given: calls.append(option)}

        def make(key: Any) -> Any:
            kernel = _nnx("with_metadata")(_ONES, **hook)
            return _nnx("Linear")(2, 2, kernel_init=kernel, rngs=_nnx("Rngs")(key))

        transform: Any = {_nnx("PARTITION_NAME"): partition}
        _nnx("vmap")(make, transform_metadata=transform)(jax.random.split(jax.random.key(0), 3))
        return len(calls)

    def names(**partition: Any) -> Any:
        def make(key: Any) -> Any:
            kernel = _nnx("with_partitioning")(_ONES, ("a", "b"), eager_sharding=False)
            return _nnx("Linear")(2, 2, kernel_init=kernel, rngs=_nnx("Rngs")(key))

        made = _nnx("vmap")(make, **partition)(jax.random.split(jax.random.key(0), 3))
        metadata = made.kernel.get_metadata()
        return str(sorted(f"{k}={v}" for k, v in metadata.items() if "shard" in k))

    def decorated() -> Any:
        @_nnx("transform_metadata")(in_axes=0, out_axes=1, partition=None)  # type: ignore[untyped-decorator]
        def f(v: Any) -> Any:
            return v

        given = _nnx("Param")(jnp.ones((2, 2)), out_sharding=(None, "a"), eager_sharding=False)
        return str(f(given).get_metadata())

    return {
        **{
            f"hook-{option}": partial(told, option)
            for option in ("on_add_axis", "add_axis_hooks", "on_get_value", "get_value_hooks")
        },
        "partition-none": lambda: names(transform_metadata={_nnx("PARTITION_NAME"): None}),
        "partition-not-told": names,
        "partition-by-decorator": decorated,
    }


def _states() -> Forms:
    def updated() -> Any:
        tree = {"a": {"b": _nnx("Param")(jnp.zeros(()))}}
        _nnx("update")(tree, {"a": {"b": jnp.ones(())}})
        return tree["a"]["b"].value

    def popped() -> Any:
        module = _layer()
        module.more = _nnx("Intermediate")(jnp.ones(2))
        return _leaves(_nnx("pop")(module, _nnx("Intermediate"))), hasattr(module, "more")

    def filtered() -> Any:
        return sorted(map(str, _nnx("state")(_layer(), _nnx("Param"))))

    def cloned() -> Any:
        module = _layer()
        other = _nnx("clone")(module)
        other.kernel.value = jnp.zeros((2, 2))
        return module.kernel.value

    def in_branch(index: Any) -> Any:
        counter = _nnx("BatchStat")(jnp.zeros(()))

        def add(v: Any) -> None:
            v.value = v.value + 1

        _nnx("cond")(index, add, lambda v: None, counter)
        return counter.value

    return {
        "update-of-a-dict": updated,
        "popped": popped,
        "state-of-params": filtered,
        "cloned": cloned,
        "cond-that-adds": lambda: in_branch(True),
        "cond-that-does-not": lambda: in_branch(False),
        "eval-shape": lambda: str(
            [v.shape for v in jax.tree_util.tree_leaves(_nnx("eval_shape")(_layer))]
        ),
        "lora-beside-its-layer": _lora,
        "jitted-in-part": lambda: _nnx("jit_partial")(lambda m, a: m(a), _layer())(whole(3, 2)),
    }


def _set() -> Forms:
    """What is put into a state, and into a Variable's metadata."""

    def replaced(name: str) -> Any:
        """A state's values replaced by those of a tree of dicts, by a name or by a number in words."""
        module = _layer()
        module.more = _nnx("Dict")({name: _nnx("Param")(jnp.zeros(2))})
        state = _nnx("state")(module)
        _nnx("replace_by_pure_dict")(state, {"more": {name: jnp.ones(2)}})
        return _leaves(state)

    def in_another_order() -> Any:
        """Two Variables with the same metadata, told in another order, mapped together."""
        one, other = (
            _nnx("Param")(jnp.ones(2), **dict(tags))
            for tags in ((("a", 1), ("b", 2)), (("b", 2), ("a", 1)))
        )
        return _leaves(jax.tree_util.tree_map(lambda x, y: x + y, one, other))

    def attribute_set() -> Any:
        variable = _nnx("Param")(jnp.ones(2))
        variable.tag = 1
        return str("tag" in variable.get_metadata())

    def as_words(name: str) -> Any:
        """What the metadata of a Variable is when it is set under a name."""
        variable = _nnx("Param")(jnp.ones(2))
        variable.set_metadata(**{name: ("a",)})
        return str(sorted(f"{k}={v}" for k, v in variable.get_metadata().items() if "shard" in k))

    return {
        "metadata-in-another-order": in_another_order,
        "attribute-set-on-a-variable": attribute_set,
        "replaced-by-name": lambda: replaced("a"),
        "replaced-by-number": lambda: replaced("1"),
        **{
            f"metadata-set-{name}": partial(as_words, name)
            for name in ("sharding", "sharding_names", "out_sharding")
        },
        "state-in-flat": lambda: sorted(
            map(str, _nnx("to_flat_state")(_nnx("state")(_layer())).paths)
        ),
    }


def _lora() -> Any:
    layer = _nnx("LoRALinear")(2, 2, lora_rank=2, rngs=_nnx("Rngs")(0))
    x = whole(3, 2)
    return bool(jnp.allclose(layer(x), _nnx("Linear").__call__(layer, x)))


def _gradients() -> Forms:
    x = whole(3, 2)

    def of_map(**options: Any) -> Any:
        def loss(m: Any, a: Any) -> Any:
            return _nnx("vmap")(lambda m, a: m(a), in_axes=(None, 0))(m, a).sum()

        return _leaves(_nnx("grad")(loss, **options)(_layer(), x))

    def map_of() -> Any:
        run = _nnx("vmap")(_nnx("grad")(lambda m, a: m(a).sum()), in_axes=(None, 0))
        return _leaves(run(_layer(), x))

    def of_remat() -> Any:
        def loss(m: Any) -> Any:
            return _nnx("remat")(lambda m, a: m(a).sum())(m, x)

        return _leaves(_nnx("grad")(loss)(_layer()))

    def own(mutates: bool) -> Any:
        v = _nnx("Param")(jnp.ones(2))

        @_nnx("custom_vjp")  # type: ignore[untyped-decorator]
        def f(v: Any) -> Any:
            if mutates:
                v.value = 2 * v.value
            return v.value.sum()

        f.defvjp(lambda v: (f(v), None), lambda kept, g: (g[0],))
        return f(v), v.value

    def with_more() -> Any:
        run = _nnx("value_and_grad")(lambda m, a: (m(a).sum(), a), has_aux=True)
        return _leaves(run(_layer(), x))

    return {
        "gradient-of-a-map": of_map,
        "gradient-of-a-map-by-both": lambda: of_map(argnums=(0, 1)),
        "gradient-of-a-map-by-params": lambda: of_map(argnums=_nnx("DiffState")(0, _nnx("Param"))),
        "map-of-a-gradient": map_of,
        "gradient-of-remat": of_remat,
        "gradient-with-more": with_more,
        "own-gradient": lambda: own(False),
        "own-gradient-that-mutates": lambda: own(True),
    }
