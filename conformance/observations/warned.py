"""Warnings that names and common calls raise, deprecations above all."""

import ast
import inspect
import re
import runpy
import types
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.observations.cases import KEY, array
from conformance.observations.errors import identity
from conformance.observations.names import names
from conformance.observations.record import Observation, first_line, needed, one
from conformance.observations.selection import EVERYTHING, Selection

Calls = dict[str, Callable[[], Any]]


def _named(name: str, *arguments: Any, **options: Any) -> Callable[[], Any]:
    return lambda: needed(name)(*arguments, **options)


def _calls() -> Calls:
    return {**_maps(), **_functions(), **_flax()}


def _maps() -> Calls:
    """Calls of the transforms and of what concerns devices."""
    x = array(3, 4)

    def positional() -> Any:
        return needed("jax.sharding.PositionalSharding")(jax.devices())

    def sharded() -> Any:
        mesh = jax.sharding.Mesh(jax.devices()[:1], ("i",))
        spec = jax.sharding.PartitionSpec("i")
        mapped = needed("jax.shard_map")(identity, mesh=mesh, in_specs=spec, out_specs=spec)
        return mapped(x)

    return {
        "jax.vmap": lambda: jax.vmap(identity)(x),
        "jax.vmap-axis-name": lambda: jax.vmap(lambda a: jax.lax.psum(a, "i"), axis_name="i")(x),
        "jax.pmap": lambda: needed("jax.pmap")(lambda a: a + 1)(x[:1]),
        "jax.pmap-psum": lambda: needed("jax.pmap")(
            lambda a: jax.lax.psum(a, "i"), axis_name="i", donate_argnums=()
        )(x[:1]),
        "jax.shard_map": sharded,
        "jax.jit": lambda: jax.jit(lambda a: a + 1)(x),
        "jax.jit-static-argnums": lambda: jax.jit(lambda a, n: a * n, static_argnums=1)(x, 2),
        "jax.checkpoint-concrete": _named("jax.checkpoint", identity, concrete=False),
        "jax.make_mesh-kinds-of-axes": _named("jax.make_mesh", (1,), ("i",)),
        "jax.grad": lambda: jax.vmap(jax.grad(jnp.sum))(x),
        "jax.make_jaxpr": lambda: jax.make_jaxpr(identity)(x),
        "jax.device_put_replicated": _named("jax.device_put_replicated", x, jax.devices()[:1]),
        "jax.device_put_sharded": _named("jax.device_put_sharded", [x], jax.devices()[:1]),
        "jax.xla_computation": lambda: needed("jax.xla_computation")(identity)(x),
        "jax.sharding.PositionalSharding": positional,
        "jax.experimental.shard_map.shard_map": _named(
            "jax.experimental.shard_map.shard_map",
            identity,
            mesh=jax.sharding.Mesh(jax.devices()[:1], ("i",)),
            in_specs=jax.sharding.PartitionSpec(),
            out_specs=jax.sharding.PartitionSpec(),
        ),
        "jax.experimental.pjit.pjit": lambda: needed("jax.experimental.pjit.pjit")(identity)(x),
        "jax.experimental.enable_x64": _named("jax.experimental.enable_x64"),
        "jax.lib.xla_bridge.get_backend": _named("jax.lib.xla_bridge.get_backend"),
    }


def _functions() -> Calls:
    """Calls of functions of trees, of keys and of arrays."""
    x = array(3, 4)
    key = jax.random.key(KEY)
    square = jnp.stack([jnp.eye(3), jnp.eye(3)])

    def entered() -> None:
        with jax.sharding.Mesh(np.array(jax.devices()[:1]), ("i",)):
            pass

    return {
        "jax.random.PRNGKey": lambda: jax.random.PRNGKey(KEY),
        "jax.random.key": lambda: jax.random.normal(jax.random.split(key)[0]),
        "jax.random.shuffle": _named("jax.random.shuffle", key, x),
        "jax.tree_map": _named("jax.tree_map", identity, x),
        "jax.tree_util.tree_map": _named("jax.tree_util.tree_map", identity, x),
        "jax.tree_util.tree_map-none": lambda: jax.tree_util.tree_map(lambda a, b: a, None, x),
        "jax.Array.device": lambda: jnp.asarray(x).device,
        "jax.Array-int-of-one-element": lambda: int(jnp.zeros(1, jnp.int32)),
        "jax.Array-float64-asked-for": lambda: jnp.zeros(2, "float64"),
        "jax.Array.at-float-to-int": lambda: jnp.zeros(2, jnp.int32).at[0].set(1.5),
        "jax.lax.scan": lambda: jax.lax.scan(lambda c, a: (c, a), x[0], x),
        "jax.lax.cond": lambda: jax.lax.cond(True, identity, identity, x),
        "jax.numpy.clip-keywords": lambda: needed("jax.numpy.clip")(x, a_min=0.0, a_max=1.0),
        "jax.numpy.linalg.svd": lambda: jnp.linalg.svd(x),
        "jax.numpy.round_": _named("jax.numpy.round_", x),
        "jax.numpy.fix": _named("jax.numpy.fix", x),
        "jax.numpy.reshape-newshape": lambda: needed("jax.numpy.reshape")(x, newshape=(4, 3)),
        **{
            f"jax.numpy.{name}-list": _named(f"jax.numpy.{name}", [[1, 2]])
            for name in ("ndim", "shape", "size")
        },
        **{
            f"jax.scipy.linalg.{name}-batch-of-vectors": _traced_solve(name, first)
            for name, first in (
                ("cho_solve", (square, False)),
                ("lu_solve", (square, jnp.zeros((2, 3), int))),
                ("solve_triangular", square),
            )
        },
        "jax.tree.map-values-of-a-dict": lambda: jax.tree_util.tree_map(len, {"a": x}.values()),
        "jax.sharding.Mesh-entered": entered,
        "jax.nn.gelu": lambda: jax.nn.gelu(x),
        "jax.pure_callback": lambda: jax.pure_callback(np.asarray, x, x),
        "jax.pure_callback-mapped": lambda: jax.eval_shape(
            jax.vmap(lambda a: jax.pure_callback(np.asarray, a, a)), x
        ),
        "jax.pure_callback-vectorized": lambda: jax.vmap(
            lambda a: needed("jax.pure_callback")(np.asarray, a, a, vectorized=True)
        )(x),
    }


def _traced_solve(name: str, first: Any) -> Callable[[], Any]:
    """A solve of a batch of vectors, which is traced only."""
    return lambda: jax.eval_shape(
        lambda b: needed(f"jax.scipy.linalg.{name}")(first, b), jnp.ones((2, 3))
    )


def _flax() -> Calls:
    x = array(3, 4)
    key = jax.random.key(KEY)
    shared: dict[str, Any] = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
    avg_pool: Any = nn.avg_pool

    def scanned() -> Any:
        over = nn.scan(
            nn.GRUCell, variable_broadcast="params", split_rngs={"params": False}, in_axes=0
        )
        return over(4).init(key, x[0], x)

    return {
        "flax.linen.vmap": lambda: nn.vmap(nn.Dense, **shared)(5).init(key, x),
        "flax.linen.scan": scanned,
        "flax.linen.remat": lambda: nn.remat(nn.Dense)(5).init(key, x),
        "flax.linen.jit": lambda: nn.jit(nn.Dense)(5).init(key, x),
        "flax.linen.Dropout": lambda: nn.Dropout(0.5, deterministic=True).init(key, x),
        "flax.linen.BatchNorm": lambda: nn.BatchNorm(use_running_average=False).init(key, x),
        "flax.linen.SelfAttention": lambda: needed("flax.linen.SelfAttention")(2).init(key, x),
        "flax.linen.MultiHeadAttention-kv": lambda: nn.MultiHeadDotProductAttention(2).init(
            key, inputs_q=x, inputs_kv=x
        ),
        "flax.linen.RNN": lambda: nn.RNN(nn.SimpleCell(4)).init(key, x[None]),
        "flax.linen.GRUCell.initialize_carry": lambda: nn.GRUCell(4).initialize_carry(key, (4,)),
        "flax.linen.avg_pool": lambda: avg_pool(x[None, ..., None], (2, 2)),
        "flax.linen.tabulate": lambda: nn.Dense(5).tabulate(key, x),
        "flax.core.freeze": lambda: needed("flax.core.freeze")({"a": x}),
        "flax.jax_utils.replicate": _named("flax.jax_utils.replicate", x, jax.devices()[:1]),
        "flax.nnx.Module.sow-called": lambda: _noting(kept=True),
        "flax.nnx.Module.perturb-called": lambda: _noting(kept=False),
        "flax.nnx.Param-with-hooks": _named(
            "flax.nnx.Param", x, on_get_value=lambda _, value: value
        ),
        "flax.nnx.Param-sharding_names": _named(
            "flax.nnx.Param", x, sharding_names=(None, None), eager_sharding=False
        ),
        "flax.nnx.Linear": lambda: needed("flax.nnx.Linear")(4, 5, rngs=needed("flax.nnx.Rngs")(0)),
    }


def _noting(*, kept: bool) -> Any:
    """Calls a module that notes what it computes, for its user or for a derivative."""

    class Noting(nnx.Module):
        def __call__(self, x: Any) -> Any:
            if not kept:
                return self.perturb("noted", x)
            self.sow(nnx.Intermediate, "noted", x)
            return x

    return Noting()(array(3, 4))


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`warnings/names/NAME` and `warnings/calls/CALL`: a list of {category, line}.

    What a module says when it is imported, it says once in a process, and which case comes first is
    chance: a name that is such a module is asked by running its file anew.
    """
    for name in names(selection):
        yield from of_name(name)
    # What a function says while it is traced it says again only where nothing remembers the trace.
    jax.clear_caches()
    for name, call in _calls().items():
        yield from one(f"warnings/calls/{name}", partial(_of_call, call))


def of_name(name: str) -> Iterator[Observation]:
    """What one name warns of."""
    yield from one(f"warnings/names/{name}", partial(_heard_of, name))


def _heard_of(name: str) -> list[dict[str, str]]:
    """What is heard where each part of a name is looked up, and where the module that it is is imported."""
    module = needed(name)
    parts = name.split(".")
    said = [
        each
        for end in range(1, len(parts))
        for each in _heard_at(needed(".".join(parts[:end])), parts[end])
    ]
    if isinstance(module, types.ModuleType) and _warns_itself(module):
        said += _heard(partial(runpy.run_path, str(module.__file__)))
    return [one for i, one in enumerate(said) if one not in said[:i]]


def _heard_at(module: Any, part: str) -> list[dict[str, str]]:
    # JAX's modules remember what they were asked for, and warn of it once in a process.
    found = getattr(module, "__dict__", {}).get("__getattr__")
    forget = getattr(found, "cache_clear", lambda: None)
    forget()
    return _heard(lambda: getattr(module, part))


def _warns_itself(module: types.ModuleType) -> bool:
    """Whether the text of a module calls `warn` when it is imported, which little more than a stub does."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Call)
        and isinstance(each.value.func, ast.Attribute)
        and each.value.func.attr == "warn"
        for each in tree.body
    )


def _of_call(call: Callable[[], Any]) -> list[dict[str, str]]:
    return _heard(lambda: jax.block_until_ready(call()))


_OF_CACHE = re.compile(r"Error (?:reading|writing) persistent compilation cache entry")
"""What JAX says of its cache, where another process has ended while it wrote: it is not of the call."""


def _heard(call: Callable[[], Any]) -> list[dict[str, str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    said = [
        {"category": w.category.__name__, "line": first_line(str(w.message))}
        for w in caught
        if not _OF_CACHE.match(str(w.message))
    ]
    return [one for i, one in enumerate(said) if one not in said[:i]]
