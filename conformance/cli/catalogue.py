"""What there is, as plain rows: a name, one sentence, and what else a tool may want."""

import sys
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
"""A name, a summary, and more."""

KINDS = ("laws", "transforms", "subjects", "exercises", "defects", "rules", "parameters")


def rows(kind: str) -> list[Row]:
    """The rows of one of `KINDS`.

    They are kept in a file, since JAX takes seconds to import; where this process may have loaded the
    user's own subjects and maps, the rows are made anew, and not kept.
    """
    from conformance.cli import catalogue_cache

    if "conformance.user_subjects.loading" in sys.modules:
        return _made(kind)
    kept = catalogue_cache.load(kind)
    if kept is None:
        kept = _made(kind)
        catalogue_cache.save(kind, kept)
    return kept


def _made(kind: str) -> list[Row]:
    from conformance.runner import process_env

    # Listing must not be what starts JAX with one device only.
    process_env.prepare()
    makers: dict[str, Callable[[], list[Row]]] = {
        "laws": _laws,
        "transforms": _transforms,
        "subjects": _subjects,
        "exercises": _exercises,
        "defects": _defects,
        "rules": _rules,
        "parameters": _parameters,
    }
    return makers[kind]()


def _laws() -> list[Row]:
    from conformance.transforms import TRANSFORMS
    from properties.laws import LAWS
    from properties.subjects import SUBJECTS

    return [
        {
            "name": law.id,
            "summary": law.sentence,
            "transforms": [
                name
                for name, transform in TRANSFORMS.items()
                # A law may be about subjects of users alone.
                if name == law.only_transform
                or any(law.applies_to(transform, subject) for subject in SUBJECTS.values())
            ],
        }
        for law in LAWS.values()
    ]


def _transforms() -> list[Row]:
    from conformance.transforms import TRANSFORMS

    return [
        {"name": t.name, "summary": t.summary, "maps_modules": t.maps_modules}
        for t in TRANSFORMS.values()
    ]


def _subjects() -> list[Row]:
    from properties.subject import FunctionSubject, UseSubject, dims
    from properties.subjects import SUBJECTS

    return [
        {
            "name": subject.name,
            "summary": f"documented use: {subject.sentence}"
            if isinstance(subject, UseSubject)
            else f"{'function' if isinstance(subject, FunctionSubject) else 'module'} of "
            f"{', '.join(dims(subject))}",
            "kind": "function" if isinstance(subject, FunctionSubject) else "module",
        }
        for subject in SUBJECTS.values()
    ]


def _exercises() -> list[Row]:
    from conformance.judge.exercises import load_exercises

    return [
        {"name": exercise.name, "summary": exercise.task}
        for exercise in load_exercises(()).values()
    ]


def _defects() -> list[Row]:
    from conformance.known_defects import DEFECTS
    from conformance.known_defects.defect import in_force
    from conformance.known_defects.effects import effect
    from conformance.runner import environment_info

    here = in_force(DEFECTS, environment_info.versions())
    return [
        {
            "name": d.id,
            "summary": f"{effect(d)}: {d.description}",
            "effect": effect(d),
            "law": d.law,
            "transform": d.transform,
            "versions": dict(d.versions),
            "installed": d in here,
            "platform": d.platform,
            "upstream": d.upstream,
        }
        for d in DEFECTS
    ]


def _rules() -> list[Row]:
    """JAX's batching rules: which subjects of the catalogue reach each, measured by tracing them."""
    import jax

    from conformance.runner import rule_coverage

    registered = rule_coverage.instrument() or []
    from conformance.mutation.reached_rules import subjects_by_rule
    from properties.unreachable_rules import UNREACHABLE_RULES

    reached = subjects_by_rule()
    rows = []
    for name in sorted({*registered, *reached}):
        subjects = reached.get(name, [])
        state = "hit" if subjects else "exempt" if name in UNREACHABLE_RULES else "missed"
        why = ", ".join(subjects[:3]) + (f" and {len(subjects) - 3} more" * (len(subjects) > 3))
        why = why or UNREACHABLE_RULES.get(name, f"no subject on jax {jax.__version__}")
        rows.append(
            {
                "name": name,
                "summary": f"{state:6}  {why}",
                "state": state,
                "subjects": subjects,
                "exempt": None if subjects else UNREACHABLE_RULES.get(name),
            }
        )
    return rows


def _parameters() -> list[Row]:
    """The parameters of JAX's primitives: which of them the catalogue varies, measured by tracing it."""
    from properties.parameter_coverage import parameter_coverage

    found = parameter_coverage()
    states = {
        **dict.fromkeys(found.varied, ("varies", "")),
        **{name: ("exempt", why) for name, why in found.exempt.items()},
        **{name: ("same", f"always {value:.60}") for name, value in found.constant.items()},
    }
    return [
        {"name": name, "summary": f"{state:6}  {why}".rstrip(), "state": state, "why": why}
        for name, (state, why) in sorted(states.items())
    ]
