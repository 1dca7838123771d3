"""Names of the axes of parameters, as `nn.with_partitioning` and `nnx.with_partitioning` give them."""

from properties.call import ModuleCall
from properties.compare import Mismatch
from properties.law import attribute_to
from properties.laws.sharing.cases import law, one_call
from properties.subject import ModuleSubject
from properties.transform import NEW_AXIS, Transform


def _no_names(transform: Transform, subject: ModuleSubject) -> str | None:
    return None if subject.names else f"{subject.name} does not name the axes of its parameters"


@law("sharing.metadata", tier="derived", cases=one_call(ensemble=True), skip_if=_no_names)
def metadata(transform: Transform, call: ModuleCall) -> None:
    """Partition names say where an ensemble's axis is, and stay as they are for shared parameters."""
    for each in (call, call.sharing()):
        expected = expected_names(each)
        try:
            got = transform.lift(each).names(each.rngs(), *each.inputs(each.axes[0]))
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        with attribute_to(each, "names"):
            if got != expected:
                message = f"names of axes differ: expected {expected}, got {got}"
                raise Mismatch("structure", message, str(expected), str(got))


def expected_names(call: ModuleCall) -> dict[str, tuple[str, ...]]:
    """What the axes of each parameter should be called."""
    axis = call.variable_axes["params"]
    return {name: _with_new_axis(names, axis) for name, names in call.subject.names.items()}


def _with_new_axis(names: tuple[str, ...], axis: int | None) -> tuple[str, ...]:
    if axis is None:
        return names
    place = axis if axis >= 0 else axis + len(names) + 1
    return (*names[:place], NEW_AXIS, *names[place:])
