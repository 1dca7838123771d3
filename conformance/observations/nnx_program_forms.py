"""What NNX transforms do with modules and Variables: scans, cells, metadata, branches, gradients, states."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms, whole
from conformance.observations.nnx_parts import layer, leaves, of_nnx

_ONES = nn.initializers.ones


def _layers() -> Any:
    def make(rngs: Any) -> Any:
        return of_nnx("Linear")(2, 2, kernel_init=_ONES, rngs=rngs)

    return of_nnx("split_rngs")(splits=3)(of_nnx("vmap")(make))(of_nnx("Rngs")(0))


def nnx() -> Forms:
    """Forms of what is beside `nnx.vmap`."""
    return {**_scans(), **_cells(), **_metadata(), **_states(), **_set(), **_gradients()}


def _scans() -> Forms:
    x, carry = whole(3, 2), jnp.zeros(2)

    def scan(function: Any, *given: Any, **options: Any) -> Any:
        return of_nnx("scan")(function, **options)(*given)

    def over_layers(**more: Any) -> Any:
        run = of_nnx("scan")(
            lambda c, m: m(c), in_axes=(of_nnx("Carry"), 0), out_axes=of_nnx("Carry"), **more
        )
        return run(x, _layers())

    return {
        "scan-of-examples-alone": lambda: scan(lambda a: 2 * a, x, in_axes=0, out_axes=0),
        "scan-of-a-carry-alone": lambda: scan(
            lambda c: c + 1, carry, in_axes=of_nnx("Carry"), out_axes=of_nnx("Carry"), length=3
        ),
        "scan-with-shared": lambda: scan(
            lambda c, a, w: (c + a * w, c),
            *(carry, x, 2.0),
            in_axes=(of_nnx("Carry"), 0, None),
            out_axes=(of_nnx("Carry"), 0),
        ),
        "scan-in-reverse": lambda: scan(
            lambda c, a: (c + a, c),
            *(carry, x),
            in_axes=(of_nnx("Carry"), 0),
            out_axes=(of_nnx("Carry"), 0),
            reverse=True,
        ),
        "scan-of-a-dict": lambda: scan(
            lambda c, d: (c + d["a"], c),
            *(carry, {"a": x}),
            in_axes=(of_nnx("Carry"), {"a": 0}),
            out_axes=(of_nnx("Carry"), 0),
        ),
        "scan-over-layers": over_layers,
        "scan-over-layers-unrolled": lambda: over_layers(unroll=3),
        "scan-that-sows": _sown,
        "fori-loop-of-a-state": lambda: leaves(
            of_nnx("fori_loop")(
                0,
                2,
                lambda i, c: jax.tree_util.tree_map(lambda a: a + 1, c),
                of_nnx("state")(layer()),
            )
        ),
        "while-loop-of-numbers": lambda: of_nnx("while_loop")(
            lambda c: c < 3, lambda c: c + 1, 0.0
        ),
    }


def _sown() -> Any:
    class Sowing(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self) -> None:
            self.layer = layer()

        def __call__(self, c: Any) -> Any:
            self.sow(of_nnx("Intermediate"), "y", c[0])
            return self.layer(c[0]), c[1] + 1

    axes = of_nnx("StateAxes")({of_nnx("Intermediate"): 0, ...: of_nnx("Carry")})
    options = {"in_axes": (axes, of_nnx("Carry")), "out_axes": of_nnx("Carry"), "length": 3}
    module = Sowing()
    given = of_nnx("scan")(lambda m, c: m(c), **options)(module, (jnp.zeros(2), 0.0))
    return given, jax.tree_util.tree_map(jnp.shape, jax.tree_util.tree_leaves(module.y))


def _cells() -> Forms:
    x = whole(2, 4, 3)

    def cell(name: str) -> Any:
        return of_nnx(name)(3, 2, rngs=of_nnx("Rngs")(0))

    def shapes(given: Any) -> Any:
        return str(jax.tree_util.tree_map(jnp.shape, given))

    def rnn(name: str = "LSTMCell", given: Any = None, **options: Any) -> Any:
        return shapes(
            jax.eval_shape(lambda: of_nnx("RNN")(cell(name), **options)(x, **(given or {})))
        )

    def carry(name: str) -> Any:
        return shapes(
            jax.eval_shape(lambda: cell(name).initialize_carry((2, 3), of_nnx("Rngs")(0)))
        )

    def at_length() -> Any:
        lengths = jnp.array([2, 4])
        carry, y = of_nnx("RNN")(cell("SimpleCell"), return_carry=True)(x, seq_lengths=lengths)
        return bool(jnp.allclose(carry[0], y[0, 1]))

    def both_ways() -> Any:
        def run() -> Any:
            one, other = (of_nnx("RNN")(cell("GRUCell")) for _ in range(2))
            return of_nnx("Bidirectional")(one, other, rngs=of_nnx("Rngs")(0))(x)

        return shapes(jax.eval_shape(run))

    names = ("LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell")
    return {
        "cell-carry-without-streams": lambda: cell("GRUCell").initialize_carry((2, 3)),
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
            kernel = of_nnx("with_metadata")(_ONES, **hook)
            return of_nnx("Linear")(2, 2, kernel_init=kernel, rngs=of_nnx("Rngs")(key))

        transform: Any = {of_nnx("PARTITION_NAME"): partition}
        of_nnx("vmap")(make, transform_metadata=transform)(jax.random.split(jax.random.key(0), 3))
        return len(calls)

    def names(**partition: Any) -> Any:
        def make(key: Any) -> Any:
            kernel = of_nnx("with_partitioning")(_ONES, ("a", "b"), eager_sharding=False)
            return of_nnx("Linear")(2, 2, kernel_init=kernel, rngs=of_nnx("Rngs")(key))

        made = of_nnx("vmap")(make, **partition)(jax.random.split(jax.random.key(0), 3))
        metadata = made.kernel.get_metadata()
        return str(sorted(f"{k}={v}" for k, v in metadata.items() if "shard" in k))

    def decorated() -> Any:
        @of_nnx("transform_metadata")(in_axes=0, out_axes=1, partition=None)  # type: ignore[untyped-decorator]
        def f(v: Any) -> Any:
            return v

        given = of_nnx("Param")(jnp.ones((2, 2)), out_sharding=(None, "a"), eager_sharding=False)
        return str(f(given).get_metadata())

    return {
        **{
            f"hook-{option}": partial(told, option)
            for option in ("on_add_axis", "add_axis_hooks", "on_get_value", "get_value_hooks")
        },
        "partition-none": lambda: names(transform_metadata={of_nnx("PARTITION_NAME"): None}),
        "partition-not-told": names,
        "partition-by-decorator": decorated,
    }


def _states() -> Forms:
    def updated() -> Any:
        tree = {"a": {"b": of_nnx("Param")(jnp.zeros(()))}}
        of_nnx("update")(tree, {"a": {"b": jnp.ones(())}})
        return tree["a"]["b"].value

    def popped() -> Any:
        module = layer()
        module.more = of_nnx("Intermediate")(jnp.ones(2))
        return leaves(of_nnx("pop")(module, of_nnx("Intermediate"))), hasattr(module, "more")

    def filtered() -> Any:
        return sorted(map(str, of_nnx("state")(layer(), of_nnx("Param"))))

    def cloned() -> Any:
        module = layer()
        other = of_nnx("clone")(module)
        other.kernel.value = jnp.zeros((2, 2))
        return module.kernel.value

    def in_branch(index: Any) -> Any:
        counter = of_nnx("BatchStat")(jnp.zeros(()))

        def add(v: Any) -> None:
            v.value = v.value + 1

        of_nnx("cond")(index, add, lambda v: None, counter)
        return counter.value

    return {
        "update-of-a-dict": updated,
        "popped": popped,
        "state-of-params": filtered,
        "cloned": cloned,
        "cond-that-adds": lambda: in_branch(True),
        "cond-that-does-not": lambda: in_branch(False),
        "eval-shape": lambda: str(
            [v.shape for v in jax.tree_util.tree_leaves(of_nnx("eval_shape")(layer))]
        ),
        "lora-beside-its-layer": _lora,
        "jitted-in-part": lambda: of_nnx("jit_partial")(lambda m, a: m(a), layer())(whole(3, 2)),
    }


def _set() -> Forms:
    """What is put into a state, and into a Variable's metadata."""

    def replaced(name: str) -> Any:
        """A state's values replaced by those of a tree of dicts, by a name or by a number in words."""
        module = layer()
        module.more = of_nnx("Dict")({name: of_nnx("Param")(jnp.zeros(2))})
        state = of_nnx("state")(module)
        of_nnx("replace_by_pure_dict")(state, {"more": {name: jnp.ones(2)}})
        return leaves(state)

    def in_another_order() -> Any:
        """Two Variables with the same metadata, told in another order, mapped together."""
        one, other = (
            of_nnx("Param")(jnp.ones(2), **dict(tags))
            for tags in ((("a", 1), ("b", 2)), (("b", 2), ("a", 1)))
        )
        return leaves(jax.tree_util.tree_map(lambda x, y: x + y, one, other))

    def attribute_set() -> Any:
        variable = of_nnx("Param")(jnp.ones(2))
        variable.tag = 1
        return str("tag" in variable.get_metadata())

    def as_words(name: str) -> Any:
        """What the metadata of a Variable is when it is set under a name."""
        variable = of_nnx("Param")(jnp.ones(2))
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
            map(str, of_nnx("to_flat_state")(of_nnx("state")(layer())).paths)
        ),
    }


def _lora() -> Any:
    layer = of_nnx("LoRALinear")(2, 2, lora_rank=2, rngs=of_nnx("Rngs")(0))
    x = whole(3, 2)
    return bool(jnp.allclose(layer(x), of_nnx("Linear").__call__(layer, x)))


def _gradients() -> Forms:
    x = whole(3, 2)

    def of_map(**options: Any) -> Any:
        def loss(m: Any, a: Any) -> Any:
            return of_nnx("vmap")(lambda m, a: m(a), in_axes=(None, 0))(m, a).sum()

        return leaves(of_nnx("grad")(loss, **options)(layer(), x))

    def map_of() -> Any:
        run = of_nnx("vmap")(of_nnx("grad")(lambda m, a: m(a).sum()), in_axes=(None, 0))
        return leaves(run(layer(), x))

    def of_remat() -> Any:
        def loss(m: Any) -> Any:
            return of_nnx("remat")(lambda m, a: m(a).sum())(m, x)

        return leaves(of_nnx("grad")(loss)(layer()))

    def own(mutates: bool) -> Any:
        v = of_nnx("Param")(jnp.ones(2))

        @of_nnx("custom_vjp")  # type: ignore[untyped-decorator]
        def f(v: Any) -> Any:
            if mutates:
                v.value = 2 * v.value
            return v.value.sum()

        f.defvjp(lambda v: (f(v), None), lambda kept, g: (g[0],))
        return f(v), v.value

    def with_more() -> Any:
        run = of_nnx("value_and_grad")(lambda m, a: (m(a).sum(), a), has_aux=True)
        return leaves(run(layer(), x))

    return {
        "gradient-of-a-map": of_map,
        "gradient-of-a-map-by-both": lambda: of_map(argnums=(0, 1)),
        "gradient-of-a-map-by-params": lambda: of_map(
            argnums=of_nnx("DiffState")(0, of_nnx("Param"))
        ),
        "map-of-a-gradient": map_of,
        "gradient-of-remat": of_remat,
        "gradient-with-more": with_more,
        "own-gradient": lambda: own(False),
        "own-gradient-that-mutates": lambda: own(True),
    }
