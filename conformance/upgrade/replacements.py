"""What to do about a difference between two releases."""

REMEDIES = {
    "regressed": "Do not move before you know whether your code makes such calls: run the script.",
    "fixed": "A workaround for it can go.",
    "prng-stream-changed": "The same seeds give other numbers: make stored results anew, or keep to values "
    "that you stored.",
    "parameters-changed": "Checkpoints and code that name these variables must follow.",
    "values-changed": "Compare with a tolerance that rounding earns, not for equality.",
    "values-beyond-bound": "More changed here than rounding may: find out which of the two is wrong.",
    "errors-changed": "Tests and handlers that look at the type or the words must follow.",
    "new-warnings": "Change the call now: what is deprecated goes in a later release.",
    "removed-names": "Replace the name before you move.",
    "added-names": "Nothing breaks; code that uses them needs at least this release.",
    "slower": "Measure your own program before you move; more may be compiled, or compiled otherwise.",
    "faster": "Nothing to do.",
    "jaxprs-changed": "Only code that reads jaxprs, or caches by them, sees it.",
}
"""By kind of difference, the one sentence that holds for all of them."""

PARTITIONABLE = (
    "JAX's default of jax_threefry_partitionable changed: set "
    "jax.config.update('jax_threefry_partitionable', {old}) to keep the old stream, or make stored "
    "results anew."
)

_REPLACEMENTS = {
    "jax.tree_map": "jax.tree.map, or jax.tree_util.tree_map",
    "jax.tree_multimap": "jax.tree.map",
    "jax.tree_leaves": "jax.tree.leaves",
    "jax.tree_flatten": "jax.tree.flatten",
    "jax.tree_unflatten": "jax.tree.unflatten",
    "jax.tree_structure": "jax.tree.structure",
    "jax.tree_transpose": "jax.tree.transpose",
    "jax.device_put_replicated": "jax.device_put with a replicated sharding",
    "jax.device_put_sharded": "jax.device_put of the stacked array with a sharding along its first axis",
    "jax.xla_computation": "jax.jit(f).lower(...).compiler_ir('hlo')",
    "jax.core.get_aval": "jax.typeof",
    "jax.experimental.enable_x64": "jax.enable_x64",
    "jax.experimental.disable_x64": "jax.enable_x64(False)",
    "jax.experimental.array_api": "jax.numpy",
    "jax.experimental.host_callback": "jax.pure_callback, jax.experimental.io_callback",
    "jax.experimental.maps": "jax.shard_map",
    "jax.lib.xla_bridge.get_backend": "jax.extend.backend.get_backend",
    "jax.linear_util": "jax.extend.linear_util",
    "jax.abstract_arrays": "jax.core.ShapedArray",
    "jax.lib.xla_extension.XlaRuntimeError": "jax.errors.JaxRuntimeError",
    "jax.numpy.fix": "jax.numpy.trunc",
    "jax.numpy.round_": "jax.numpy.round",
    "jax.sharding.PositionalSharding": "jax.sharding.NamedSharding over jax.make_mesh",
    "jax.sharding.PmapSharding": "jax.sharding.NamedSharding",
    "jax.sharding.GSPMDSharding": "jax.sharding.NamedSharding",
    "jax.sharding.use_mesh": "jax.set_mesh",
    "jax.lax.pvary": "jax.lax.pcast(..., to='varying')",
    "jax.random.shuffle": "jax.random.permutation",
}
"""What took a removed name's place, from the change logs of JAX and Flax."""

_IN_EXTEND = (
    *("ClosedJaxpr", "Jaxpr", "JaxprEqn", "Literal", "Primitive", "Token", "Var"),
    *("concrete_or_error", "jaxprs_in_params", "mapped_aval", "new_jaxpr_eqn"),
    *("primal_dtype_to_tangent_dtype", "subjaxprs", "unmapped_aval", "valid_jaxtype"),
)
"""What of ``jax.core`` is in ``jax.extend.core``."""


def replacement(name: str) -> str | None:
    """What took the place of a removed name, or of the module it was in; None where nothing is known."""
    module, _, last = name.rpartition(".")
    if module == "jax.core" and last in _IN_EXTEND:
        return f"jax.extend.core.{last}"
    while name:
        if name in _REPLACEMENTS:
            return _REPLACEMENTS[name]
        name = name.rpartition(".")[0]
    return None
