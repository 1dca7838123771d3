"""Generated modules in Linen, under `nn.vmap`: `modules` has a class for each kind, `lift` maps one."""

from conformance.transforms.linen.generated import lift, modules

__all__ = ["Generated", "lift", "modules"]

Generated = lift.Generated
