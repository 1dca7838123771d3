"""What the lifts of generated modules have in common: the module's class, and how it is lifted."""

from types import ModuleType
from typing import Any

from properties.call import GeneratedModuleCall
from properties.generated_modules import grammar


def defined(call: GeneratedModuleCall, vocabulary: ModuleType) -> Any:
    """The class of the call's module, made of the classes that a library has for each kind."""
    namespace = dict(vars(vocabulary))
    exec(compile(grammar.source(call.module), "<module>", "exec"), namespace)  # noqa: S102 (of our own vocabulary)
    return namespace["Top"]


def arguments(call: GeneratedModuleCall) -> tuple[Any, ...]:
    """What each library's `Generated` takes after the module's class, in its order."""
    (axes,) = call.axes
    return (
        call.size,
        axes.in_axes[0],
        axes.out_axes,
        dict(call.variable_axes),
        dict(call.split_rngs),
        call.seed,
        call.init_jitted,
        dict(call.options),
    )
