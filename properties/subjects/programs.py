"""Families of generated programs: every program of one has one of the family's constructs at least.

What is here stands for the family where no program is drawn yet; `properties.call.ProgramCall` has one.
"""

import attrs

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import of, rule

FAMILIES: dict[str, tuple[str, ...]] = {
    "program-control": (
        *("cond", "switch", "scan", "scan-reversed", "scan-unrolled"),
        *("fori", "fori-dynamic", "while", "while-any"),
    ),
    "program-rules": (
        *("custom-jvp", "custom-jvp-symbolic", "custom-vjp", "custom-vjp-symbolic"),
        *("custom-vjp-remat", "custom-vmap", "sequential-vmap"),
    ),
    "program-derivatives": ("grad", "jvp", "vjp", "jacfwd", "jacrev", "hessian"),
    "program-maps": ("vmap",),
    "program-references": ("reference",),
}
"""By name, constructs of `properties.programs.constructs`."""


def _family(name: str, source: str = "a") -> FunctionSubject:
    array: Array = of("few", 3)
    return attrs.evolve(rule(name, source, array, exact=True), name=name, kind="program")


PROGRAMS = (
    *(_family(name) for name in FAMILIES if name != "program-references"),
    _family("program-references", "jax.new_ref(a)[...]"),
)
