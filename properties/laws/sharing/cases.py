"""What the laws of sharing have in common: their calls, and why one is not applicable to a module."""

from collections.abc import Callable
from functools import partial

from properties import oracle
from properties.call import ModuleCall
from properties.compare import assert_agrees
from properties.joint_compile import apply_together
from properties.law import attribute_to
from properties.law import law as any_law
from properties.strategies import module_calls
from properties.subject import ModuleSubject
from properties.transform import Transform
from reference.types import PyTree

law = partial(any_law, subjects=ModuleSubject)
one_call = partial(module_calls, most=1)


def no_params(transform: Transform, subject: ModuleSubject) -> str | None:
    """Why a law about parameters is not applicable: the module has none."""
    return None if "params" in subject.collections else f"{subject.name} has no parameters"


def no_variants(group: str) -> Callable[[Transform, ModuleSubject], str | None]:
    """Why a law about a group of `Transform.variants` is not applicable: there are none."""

    def reason(transform: Transform, subject: ModuleSubject) -> str | None:
        some = ModuleCall(subject.name, {"batch": 3}, (), {}, {})
        if transform.variants(some).get(group):
            return None
        return f"{transform.name} has no {group} to try on {subject.name}"

    return reason


def check_outputs(transform: Transform, call: ModuleCall, variables: PyTree) -> None:
    """Check that the lifted module gives what the unmapped one gives for each example.

    Args:
        transform: What lifts the module.
        call: The call, with any number of combinations of axes.
        variables: The variables of all examples, by collection.
    """
    for axes, got in apply_together(transform, call, variables):
        single = call.only(axes)
        with attribute_to(single, "apply"):
            assert_agrees(got, oracle.of_module(single, variables, transform.derivation))
