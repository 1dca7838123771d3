"""Settings of JAX that a file asks for and that stay as they are: no right answer depends on them."""

from __future__ import annotations

from typing import Any

DEVICES = "jax_num_cpu_devices"
"""JAX takes it only before it starts, which it has when a file is loaded; a worker has devices."""
KEPT = frozenset(
    (
        # The answers are those that a seed gives by default: under these it gives others.
        *("jax_threefry_partitionable", "jax_default_prng_impl", "jax_random_seed_offset"),
        # These refuse what is right, and would refuse calls that the judge makes.
        *("jax_legacy_prng_key", "jax_numpy_rank_promotion", "jax_numpy_dtype_promotion"),
        *("jax_transfer_guard", "jax_transfer_guard_host_to_device"),
        *("jax_transfer_guard_device_to_device", "jax_transfer_guard_device_to_host"),
    )
)
"""What a remark names where a file asks for another value."""

_asked: list[str] = []


def install() -> None:
    """Let a file ask for these settings as a script may, and keep them."""
    import jax

    kind: Any = type(jax.config)
    update = kind.update

    def guarded(self: Any, name: str, value: Any) -> None:
        if name in KEPT and name in self.values:
            if self.values[name] != value and name not in _asked:
                _asked.append(name)
        elif name != DEVICES or name not in self.values:
            update(self, name, value)

    kind.update = guarded


def asked() -> list[str]:
    """The names of those that were asked for otherwise so far, but for the number of devices."""
    return list(_asked)
