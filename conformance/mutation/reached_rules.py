"""Which subjects of the catalogue reach which of JAX's batching rules."""

from typing import Any

import jax

from conformance.runner import rule_coverage
from properties.applicability import refusal
from properties.call import Axes, FunctionCall
from properties.sizes import sizes
from properties.subjects import RULES


def subjects_by_rule() -> dict[str, list[str]]:
    """Trace every subject of the catalogue under `jax.vmap`, and note the rules that run.

    Returns:
        By the name of each rule, in order: the subjects that reach it, those named after it first.

    """
    found: dict[str, list[str]] = {}
    for subject in RULES:
        if refusal(subject):
            continue
        call = FunctionCall(subject.name, sizes(subject, "distinct", 0), (), subject.dtypes[0])
        arguments = call.arguments(Axes((0,) * len(subject.arguments)))

        def lowered(function: Any = subject.function, arguments: Any = arguments) -> None:
            # What cannot be mapped is for the law to say.
            try:
                jax.jit(jax.vmap(function)).lower(*arguments)
            except Exception:
                return

        for name in rule_coverage.reached(lowered):
            found.setdefault(name, []).append(subject.name)
    for name, subjects in found.items():
        subjects.sort(key=lambda each: (each.split(".")[1] != name, each))
    return dict(sorted(found.items()))
