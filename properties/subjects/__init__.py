"""The subjects, by name."""

from properties.subject import Subject
from properties.subjects.batching_rules import RULES
from properties.subjects.collectives import COLLECTIVES
from properties.subjects.draws import DRAWS
from properties.subjects.effects import EFFECTS
from properties.subjects.functions import FUNCTIONS
from properties.subjects.generated_modules import GENERATED_MODULES
from properties.subjects.large import LARGE
from properties.subjects.modules import MODULES
from properties.subjects.options import OPTIONS
from properties.subjects.placed import PLACED
from properties.subjects.programs import PROGRAMS
from properties.subjects.uses import USES

__all__ = [
    "COLLECTIVES",
    "DRAWS",
    "EFFECTS",
    "FUNCTIONS",
    "GENERATED_MODULES",
    "LARGE",
    "MODULES",
    "OPTIONS",
    "PLACED",
    "PROGRAMS",
    "RULES",
    "SUBJECTS",
    "USES",
]

_EVERY: tuple[Subject, ...] = (
    *FUNCTIONS,
    *MODULES,
    *USES,
    *GENERATED_MODULES,
    *COLLECTIVES,
    *DRAWS,
    *EFFECTS,
    *LARGE,
    *OPTIONS,
    *PLACED,
    *PROGRAMS,
    *RULES,
)
SUBJECTS: dict[str, Subject] = {subject.name: subject for subject in _EVERY}
