"""Names that JAX and Flax no longer have, and what takes their place."""

from __future__ import annotations

import re

from conformance.judge.verdict import Diagnosis

_MAP_OVER_DEVICES = "`jax.pmap` or `jax.shard_map`, or `jax.vmap` where no devices are meant"
_AT = "`x.at[i].set(value)`, `x.at[i].add(value)` and so on"
_LAYERS = "`flax.linen`"

SUCCESSORS: dict[str, str] = {
    "flax.deprecated": _LAYERS,
    "flax.nn": _LAYERS,
    "flax.optim": "Optax, as in `optax.sgd(learning_rate)`",
    "flax.training.optimizers": "Optax, as in `optax.sgd(learning_rate)`",
    "jax.DeviceArray": "`jax.Array`",
    "jax.abstract_arrays": "`jax.ShapeDtypeStruct`",
    "jax.api": "`jax` itself, as in `jax.vmap`",
    "jax.config": "`import jax` and `jax.config.update(...)`",
    "jax.core": "`jax.extend.core`",
    "jax.device_put_replicated": "`jax.device_put` with a sharding",
    "jax.device_put_sharded": "`jax.device_put` with a sharding",
    "jax.experimental.PartitionSpec": "`jax.sharding.PartitionSpec`",
    "jax.experimental.export": "`jax.export`",
    "jax.experimental.global_device_array": "`jax.Array`",
    "jax.experimental.host_callback": "`jax.debug.print` and `jax.pure_callback`",
    "jax.experimental.loops": "`jax.lax.fori_loop`",
    "jax.experimental.maps": _MAP_OVER_DEVICES,
    "jax.experimental.optimizers": "`jax.example_libraries.optimizers`",
    "jax.experimental.pjit": "`jax.jit`, and `jax.lax.with_sharding_constraint`",
    "jax.experimental.sharded_jit": "`jax.jit` with shardings",
    "jax.experimental.stax": "`jax.example_libraries.stax`",
    "jax.host_count": "`jax.process_count`",
    "jax.host_id": "`jax.process_index`",
    "jax.interpreters.pxla.PartitionSpec": "`jax.sharding.PartitionSpec`",
    "jax.interpreters.sharded_jit": "`jax.jit` with shardings",
    "jax.interpreters.xla.DeviceArray": "`jax.Array`",
    "jax.lax.linear_solve": "`jax.lax.custom_linear_solve`",
    "jax.lax.tie_in": "its second argument",
    "jax.lib.xla_bridge": "`jax.devices()` and `jax.default_backend()`",
    "jax.linear_util": "`jax.extend.linear_util`",
    "jax.nn.normalize": "`jax.nn.standardize`",
    "jax.numpy.DeviceArray": "`jax.Array`",
    "jax.numpy.cumproduct": "`jnp.cumprod`",
    "jax.numpy.fix": "`jnp.trunc`",
    "jax.numpy.in1d": "`jnp.isin`",
    "jax.numpy.msort": "`jnp.sort` with `axis=0`",
    "jax.numpy.product": "`jnp.prod`",
    "jax.numpy.round_": "`jnp.round`",
    "jax.numpy.row_stack": "`jnp.vstack`",
    "jax.numpy.trapz": "`jnp.trapezoid`",
    "jax.ops.index": _AT,
    "jax.ops.index_add": _AT,
    "jax.ops.index_mul": _AT,
    "jax.ops.index_update": _AT,
    "jax.partial": "`functools.partial`",
    "jax.random.shuffle": "`jax.random.permutation`",
    "jax.sharding.PositionalSharding": "`jax.sharding.NamedSharding`",
    "jax.soft_pmap": _MAP_OVER_DEVICES,
    "jax.tree_multimap": "`jax.tree_util.tree_map`, which takes several trees",
    "jax.tree_util.tree_multimap": "`jax.tree_util.tree_map`, which takes several trees",
    "jax.xla_computation": "`jax.jit(f).lower(...)`",
    "jax.xmap": _MAP_OVER_DEVICES,
    **{
        f"jax.tree_{name}": f"`jax.tree_util.tree_{name}`"
        for name in ("all", "flatten", "leaves", "map", "reduce", "structure", "transpose")
    },
    "jax.tree_unflatten": "`jax.tree_util.tree_unflatten`",
}
"""By what is gone, a module or something in one: what to use in its place."""

_FORMS = (
    r"No module named '((?:jax|flax)\.[\w.]+)'",
    r"cannot import name '(?P<name>\w+)' from '(?P<module>(?:jax|flax)[\w.]*)'",
    r"module '(?P<module>(?:jax|flax)[\w.]*)' has no attribute '(?P<name>\w+)'",
    r"((?:jax|flax)\.[\w.]+) (?:was|has been|is) (?:deprecated|removed)",
)
"""How a release says that it lacks something, and the places of its name."""


def of_removed(text: str) -> Diagnosis | None:
    """What takes the place of the name that an exception says is not there; None for other texts.

    Args:
        text: the exception's type and message.

    """
    for form in _FORMS:
        found = re.search(form, text)
        if found is not None:
            parts = found.groupdict()
            name = f"{parts['module']}.{parts['name']}" if parts else found[1]
            return _of_name(name, form.startswith("No module"), "removed" in form)
    return None


def _of_name(name: str, is_module: bool, removed: bool) -> Diagnosis:
    uses = f"imports the module `{name}`" if is_module else f"uses `{name}`"
    successor = _successor(name)
    if successor is not None:
        return Diagnosis(
            "removed-api",
            f"The file {uses}, which this release no longer has.",
            f"Use its successor: {successor}.",
        )
    if removed:
        return Diagnosis(
            "removed-api",
            f"The file {uses}, which this release no longer has.",
            "Use its successor: the message says which, or JAX's change log.",
        )
    return Diagnosis(
        "no-such-name",
        f"This release has no `{name}`.",
        "Look for a spelling mistake, and for the module that has it; a name from an old text may "
        "be gone: JAX's change log names the successor.",
    )


def _successor(name: str) -> str | None:
    """What takes the place of a name, or of the longest module around it that is gone, too."""
    parts = name.split(".")
    within = (".".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((SUCCESSORS[place] for place in within if place in SUCCESSORS), None)
