"""Families of generated modules: every tree of one has one of the family's kinds at least.

A family's reference stands for modules that are not drawn yet; `properties.call.GeneratedModuleCall` has one.
"""

from properties.generated_modules.grammar import LIFTS
from properties.subject import Array, ModuleFamily
from reference.scope import Scope
from reference.types import Array as Value


def _unused(scope: Scope, x: Value) -> Value:
    """In place of a reference: the unmapped module itself says what it gives of each example."""
    return x


def _family(name: str, sentence: str, kinds: tuple[str, ...]) -> ModuleFamily:
    return ModuleFamily(
        name,
        _unused,
        (Array((3,)),),
        collections=("params", "state"),
        streams=("params", "noise"),
        sentence=sentence,
        kinds=kinds,
    )


GENERATED_MODULES = (
    _family(
        "generated-composed",
        "generated modules with submodules in attributes, lists and dictionaries, called twice or shared",
        ("chain", "inline", "list", "dict", "sum", "again", "shared"),
    ),
    _family("generated-lifts", "generated modules with lifts within", LIFTS),
    _family(
        "generated-state",
        "generated modules with state, streams and what they sow",
        ("count", "mean", "noise", "sow"),
    ),
)
