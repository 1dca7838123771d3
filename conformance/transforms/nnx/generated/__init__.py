"""Generated modules in NNX, under `nnx.vmap`: `modules` has a class for each kind, `lift` maps one."""

from typing import Any

from conformance.transforms.nnx.generated import lift, modules

__all__ = ["Generated", "defined", "lift", "modules"]

Generated = lift.Generated


def defined(source: str) -> Any:
    """The class `Top` that this Python defines."""
    namespace = dict(vars(modules))
    exec(compile(source, "<module>", "exec"), namespace)  # noqa: S102 (of our own vocabulary)
    return namespace["Top"]
