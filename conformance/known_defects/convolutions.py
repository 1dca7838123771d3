"""Known defects of gradients of mapped convolutions whose arrays are sharded over devices."""

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import calls_of, every_axis, rule_call

_CONVOLUTION = "lax.conv_general_dilated"
_GROUPED = tuple(
    f"{_CONVOLUTION}.{variant}"
    for variant in ("feature-groups", "depthwise", "batch-groups", "groups-last", "batches-last")
)
_GROUPS_OF_ONE = f"{_CONVOLUTION}.batch-groups-of-one"
_NOT_FOUND = (
    "No report of it was found on jax-ml/jax or openxla/xla on 2026-11-29. "
    "https://github.com/jax-ml/jax/issues/32157 (closed) is of every convolution in 0.7.2."
)


CONVOLUTIONS: tuple[Defect, ...] = tuple(
    Defect(
        id=f"vmap-sharded-gradient-of-{name}",
        transform="jax.vmap",
        versions={"jax": versions},
        affects=affects,
        law="parallel.sharded-gradients",
        call=call,
        description=description,
        upstream=upstream,
        all_laws=False,
    )
    for name, versions, affects, call, description, upstream in (
        (
            "grouped-kernels",
            ">=0.7.2",
            calls_of((*_GROUPED, _GROUPS_OF_ONE), lambda axes: axes[1] is not None),
            rule_call(f"{_CONVOLUTION}.depthwise", (None, 0)),
            (
                "A map of the gradient of a convolution with groups, such as a depthwise one, over its "
                "kernels, as in an ensemble, raises a bare NotImplementedError where the arrays lie on a "
                "mesh, sharded or whole on each device. Without a mesh, or with one kernel for all "
                "examples, it works."
            ),
            _NOT_FOUND,
        ),
        (
            "convolutions",
            ">=0.7.2,<0.8",
            lambda call: call.subject_name.startswith(_CONVOLUTION),
            rule_call(_CONVOLUTION, (0, None)),
            (
                "A map of the gradient of any convolution raises a bare NotImplementedError where the arrays "
                "lie on a mesh. It works in 0.7.1 and, without groups, since 0.8.0."
            ),
            "https://github.com/jax-ml/jax/issues/32157 (closed)",
        ),
        (
            "batch-groups",
            ">=0.4.30",
            calls_of(_GROUPS_OF_ONE, every_axis),
            rule_call(_GROUPS_OF_ONE, (0, 0)),
            (
                "Silently wrong values: the gradient by the kernel of a convolution with channels last and "
                "a batch_group_count equal to its batch, whose arrays are sharded along the mapped axis. "
                "Sharded along its own batch, it is wrong without a map, too. Before 0.7 it raises "
                "XlaRuntimeError: INTERNAL."
            ),
            _NOT_FOUND,
        ),
    )
)
