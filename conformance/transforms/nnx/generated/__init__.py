"""Generated modules in NNX, under `nnx.vmap`: `modules` has a class for each kind, `lift` maps one."""

from conformance.transforms.nnx.generated import lift, modules

__all__ = ["Generated", "lift", "modules"]

Generated = lift.Generated
