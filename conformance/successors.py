"""What takes the place of names that JAX and Flax no longer have, from their change logs."""

from collections.abc import Mapping

_MAP_OVER_DEVICES = "`jax.pmap` or `jax.shard_map`, or `jax.vmap` where no devices are meant"
_OVER_DEVICES = "jax.NamedSharding(jax.sharding.Mesh(devices, 'd'), jax.P('d'))"
_LAYERS = "`flax.linen`"
_OPTAX = "Optax, as in `optax.sgd(learning_rate)`"

_WARNED_OF = {
    "jax.experimental.pjit.pjit": (
        "`jax.jit`; where its shardings are PartitionSpecs, enter the mesh by `jax.set_mesh(mesh)`"
    ),
    "jax.experimental.shard_map": (
        "`jax.shard_map`, which takes all but the function by name, and `check_vma=` for `check_rep=`"
    ),
    "jax.interpreters.pxla.thread_resources": (
        "`jax.sharding.get_abstract_mesh()`, which is empty unless the mesh is entered by "
        "`jax.set_mesh(mesh)`"
    ),
}
"""By what warns, a module or something in one: what to use, and what else to change with it."""

_SUCCESSORS = {
    **_WARNED_OF,
    "flax.deprecated": _LAYERS,
    "flax.nn": _LAYERS,
    "flax.experimental.nnx": "`flax.nnx`",
    "flax.linen.GeGLU": (
        "`nn.Dense(2 * features)`, and `a * nn.gelu(gate)` of its halves `a, gate = jnp.split(y, 2, -1)`"
    ),
    **{
        f"flax.nnx.{name}": f"`flax.nnx.{name.lower()}`, given the constructor as a function"
        for name in ("Jit", "Pmap", "Remat", "Scan", "Vmap")
    },
    "flax.nnx.Optimizer.model": (
        "the model that it was made with, or `flax.nnx.ModelAndOptimizer`"
    ),
    "flax.nnx.fork": "`flax.nnx.split_rngs` around the map, or `flax.nnx.fork_rngs`",
    "flax.nnx.nnx": "`flax.nnx`, which has all public names of that package",
    "flax.nnx.with_sharding_constraint": "`jax.lax.with_sharding_constraint`",
    "flax.optim": _OPTAX,
    "flax.training.optimizers": _OPTAX,
    "jax.DeviceArray": "`jax.Array`",
    "jax.abstract_arrays": "`jax.core.ShapedArray`",
    "jax.api": "`jax` itself, as in `jax.vmap`",
    "jax.config.config": "`jax.config`",
    "jax.core.ConcretizationTypeError": "`jax.errors.ConcretizationTypeError`",
    "jax.core.axis_frame": "`jax.lax.axis_size`",
    "jax.core.call_p": "`jax.extend.core.primitives.call_p`",
    "jax.core.closed_call_p": "`jax.extend.core.primitives.closed_call_p`",
    "jax.core.get_aval": "`jax.typeof`",
    "jax.core.raise_to_shaped": "its argument itself: what `jax.typeof` gives is of a shape, no value",
    "jax.device_put_replicated": (
        "`flax.jax_utils.replicate(tree, devices)`, or, of each array, "
        f"`jax.device_put(jax.numpy.stack([x] * len(devices)), {_OVER_DEVICES})`"
    ),
    "jax.device_put_sharded": (
        f"`jax.device_put(jax.numpy.stack(arrays), {_OVER_DEVICES})`, of trees array by array"
    ),
    "jax.dlpack.to_dlpack": "the array itself: the other framework's `from_dlpack` takes it",
    "jax.experimental.PartitionSpec": "`jax.sharding.PartitionSpec`",
    "jax.experimental.array_api": "`jax.numpy`",
    "jax.experimental.disable_x64": "`jax.enable_x64(False)`",
    "jax.experimental.enable_x64": "`jax.enable_x64`",
    "jax.experimental.export": "`jax.export`",
    "jax.experimental.global_device_array": "`jax.Array`",
    "jax.experimental.host_callback": "`jax.pure_callback`, `jax.experimental.io_callback`",
    "jax.experimental.host_callback.id_print": "`jax.debug.print`",
    "jax.experimental.layout.DeviceLocalLayout": "`jax.experimental.layout.Layout`",
    "jax.experimental.loops": "`jax.lax.fori_loop`",
    "jax.experimental.maps": _MAP_OVER_DEVICES,
    "jax.experimental.optimizers": "`jax.example_libraries.optimizers`",
    "jax.experimental.pallas.load": (
        "`ref[indices]`; with a mask, `load` of `jax.experimental.pallas.tpu` or `.triton`"
    ),
    "jax.experimental.pallas.store": (
        "`ref[indices] = value`; with a mask, `store` of `jax.experimental.pallas.tpu` or `.triton`"
    ),
    "jax.experimental.pallas.tpu.repeat": "`jax.numpy.tile`, with 1 along the other axes",
    "jax.experimental.pjit": "`jax.jit`, and `jax.lax.with_sharding_constraint`",
    "jax.experimental.pjit.pjit_p": "`jax.extend.core.primitives.jit_p`",
    "jax.experimental.sharded_jit": "`jax.jit` with shardings",
    "jax.experimental.stax": "`jax.example_libraries.stax`",
    "jax.experimental.x64_context.disable_x64": "`jax.enable_x64(False)`",
    "jax.experimental.x64_context.enable_x64": "`jax.enable_x64`",
    "jax.extend.ffi": "`jax.ffi`",
    "jax.host_count": "`jax.process_count`",
    "jax.host_id": "`jax.process_index`",
    "jax.interpreters.ad.zeros_like_jaxval": "`jax.numpy.zeros_like`",
    "jax.interpreters.batching.BatchTracer": "`jax.core.Tracer`, which other tracers are, too",
    "jax.interpreters.batching.NotMapped": "`None`, of which it was the type",
    "jax.interpreters.batching.is_vmappable": (
        "no `is_leaf=`, unless types of yours are registered to be mapped as one"
    ),
    "jax.interpreters.batching.not_mapped": "`None`",
    "jax.interpreters.batching.broadcast_batcher": (
        "`jax.interpreters.batching.defbroadcasting(primitive)`"
    ),
    "jax.interpreters.batching.moveaxis": "`jax.numpy.moveaxis`, of each leaf",
    "jax.interpreters.batching.vectorized_batcher": (
        "`jax.interpreters.batching.defvectorized(primitive)`"
    ),
    "jax.interpreters.pxla.PartitionSpec": "`jax.sharding.PartitionSpec`",
    "jax.interpreters.sharded_jit": "`jax.jit` with shardings",
    "jax.interpreters.xla.DeviceArray": "`jax.Array`",
    "jax.interpreters.xla.abstractify": "`jax.typeof`",
    "jax.interpreters.xla.canonicalize_dtype": "`jax.dtypes.canonicalize_dtype`",
    "jax.lax.linear_solve": "`jax.lax.custom_linear_solve`",
    "jax.lax.pvary": "`jax.lax.pcast(..., to='varying')`",
    "jax.lax.tie_in": "its second argument",
    "jax.lax.zeros_like_array": "`jax.numpy.zeros_like`",
    "jax.lib.xla_bridge": "`jax.extend.backend`",
    "jax.lib.xla_bridge.default_backend": "`jax.default_backend`",
    "jax.lib.xla_bridge.device_count": "`jax.device_count`",
    "jax.lib.xla_bridge.devices": "`jax.devices`",
    "jax.lib.xla_bridge.get_backend": "`jax.extend.backend.get_backend`",
    "jax.lib.xla_extension.XlaRuntimeError": "`jax.errors.JaxRuntimeError`",
    "jax.linear_util": "`jax.extend.linear_util`",
    "jax.nn.normalize": "`jax.nn.standardize`",
    "jax.numpy.DeviceArray": "`jax.Array`",
    "jax.numpy.cumproduct": "`jax.numpy.cumprod`",
    "jax.numpy.fix": "`jax.numpy.trunc`",
    "jax.numpy.in1d": "`jax.numpy.isin`",
    "jax.numpy.msort": "`jax.numpy.sort` with `axis=0`",
    "jax.numpy.product": "`jax.numpy.prod`",
    "jax.numpy.round_": "`jax.numpy.round`",
    "jax.numpy.row_stack": "`jax.numpy.vstack`",
    "jax.numpy.trapz": "`jax.numpy.trapezoid`",
    "jax.ops.index": "`x.at[...]`",
    "jax.ops.index_add": "`x.at[index].add(value)`",
    "jax.ops.index_mul": "`x.at[index].multiply(value)`",
    "jax.ops.index_update": "`x.at[index].set(value)`",
    "jax.partial": "`functools.partial`",
    "jax.random.KeyArray": "`jax.Array`",
    "jax.random.shuffle": "`jax.random.permutation`",
    "jax.sharding.GSPMDSharding": "`jax.sharding.NamedSharding`",
    "jax.sharding.PmapSharding": "`jax.sharding.NamedSharding`",
    "jax.sharding.PositionalSharding": "`jax.sharding.NamedSharding` over `jax.make_mesh`",
    "jax.sharding.use_mesh": "`jax.set_mesh`",
    "jax.soft_pmap": _MAP_OVER_DEVICES,
    "jax.tree_multimap": "`jax.tree.map`, which takes several trees",
    "jax.tree_util.tree_multimap": "`jax.tree.map`, which takes several trees",
    "jax.tree_util.build_tree": "`jax.tree.unflatten`",
    "jax.util.cache": "`functools.lru_cache`",
    "jax.util.safe_map": "`list(map(...))` of sequences of one length",
    "jax.util.safe_zip": "`list(zip(..., strict=True))`",
    "jax.util.split_list": "slices of the list",
    "jax.util.unzip2": "`zip(*pairs)`",
    "jax.util.wraps": "`functools.wraps`",
    "jax.xla_computation": "`jax.jit(f).lower(...).compiler_ir('hlo')`",
    "jax.xmap": _MAP_OVER_DEVICES,
    "jaxlib.xla_extension.ArrayImpl": "`jax.Array`",
    "jaxlib.xla_extension.Device": "`jax.Device`",
    "jaxlib.xla_extension.XlaRuntimeError": "`jax.errors.JaxRuntimeError`",
    **{
        f"jax.tree_{name}": f"`jax.tree.{name}`"
        for name in ("all", "flatten", "leaves", "map", "reduce", "structure", "transpose")
    },
    "jax.tree_unflatten": "`jax.tree.unflatten`",
}
"""By what is gone, a module or something in one: what to use in its place, with code in backticks."""

_IN_EXTEND = frozenset(
    (
        *("ClosedJaxpr", "Jaxpr", "JaxprEqn", "Literal", "Primitive", "Token", "Var"),
        *("concrete_or_error", "jaxpr_as_fun", "jaxprs_in_params", "mapped_aval", "new_jaxpr_eqn"),
        *("primal_dtype_to_tangent_dtype", "subjaxprs", "unmapped_aval", "valid_jaxtype"),
    )
)
"""What of `jax.core` is in `jax.extend.core`."""


def successor(name: str) -> str | None:
    """What takes the place of a name that is gone, or of the longest module around it that is gone, too.

    Args:
        name: Its dotted name, such as `jax.tree_map`.

    Returns:
        Words with code in backticks; None where nothing is known.

    """
    module, _, last = name.rpartition(".")
    if module == "jax.core" and last in _IN_EXTEND:
        return f"`jax.extend.core.{last}`"
    return by_longest_prefix(name, _SUCCESSORS)


def successor_of_warned(name: str) -> str | None:
    """What takes the place of a name that warns, where its warning says less; words as of `successor`."""
    return by_longest_prefix(name, _WARNED_OF)


def by_longest_prefix(name: str, table: Mapping[str, str]) -> str | None:
    """What a table has of a dotted name, or of the longest module around it."""
    while name:
        if name in table:
            return table[name]
        name = name.rpartition(".")[0]
    return None
