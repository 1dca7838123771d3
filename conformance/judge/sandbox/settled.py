"""A setting that JAX takes only before it starts, which it has when a file is loaded."""

from __future__ import annotations

from typing import Any

_SETTLED = "jax_num_cpu_devices"


def install() -> None:
    """Let a file ask for devices as a script may: a worker has them already, since JAX has started."""
    import jax

    kind: Any = type(jax.config)
    update = kind.update

    def guarded(self: Any, name: str, value: Any) -> None:
        if name != _SETTLED or name not in self.values:
            update(self, name, value)

    kind.update = guarded
