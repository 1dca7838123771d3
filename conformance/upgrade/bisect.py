"""Bisect by release: find the one that broke a law, or changed an observation."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import attrs
from packaging.version import Version

from conformance.events.arrays import encode
from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.events.records import Header, Observation, Record, Result
from conformance.runner.plan import VERSION as PLAN_VERSION
from conformance.upgrade import cells, environments
from conformance.upgrade.ask import wanted
from conformance.upgrade.bisect_target import Target
from conformance.upgrade.cells import Cell
from conformance.upgrade.environments import NotBuilt
from conformance.upgrade.request import Request, import_path

GROUPS = (("jax", "jaxlib"), ("flax",), ("numpy",), ("chex",))
"""What is distinguished: packages that are released together count as one."""

FIRST = date(2024, 7, 1)
"""The day of the oldest releases that the suite runs on."""

Versions = dict[str, str]
Verdict = Any


@attrs.frozen
class Found:
    """Where it changed."""

    day: date
    before: Versions
    after: Versions
    package: str | None
    """None where no package changes it alone."""
    runs: int


class BisectError(Exception):
    """Nothing to find, in one sentence."""


def search(
    good: date,
    bad: date,
    versions: Callable[[date], Versions],
    test: Callable[[str], Verdict],
    python: str = "",
) -> Found:
    """The first day whose releases give another verdict than `good`'s.

    `versions(day)` says what an install on that day resolves to, `test(ENV)` what comes of a run.
    Days that resolve to the same are not run twice, so that the runs are about the logarithm of the
    number of releases in between. Raises `BisectError` where both ends give the same verdict.
    """
    tested: dict[tuple[tuple[str, str], ...], Verdict] = {}

    def verdict(day: date) -> Verdict:
        key = tuple(sorted(versions(day).items()))
        if key not in tested:
            tested[key] = test(f"{day}{python}")
        return tested[key]

    wanted = verdict(good)
    if verdict(bad) == wanted:
        raise BisectError(f"{good} and {bad} do not differ in this: both give {_short(wanted)}")
    low, high = good, bad
    while high - low > timedelta(days=1):
        middle = low + (high - low) // 2
        if versions(middle) == versions(low):
            low = middle
        elif versions(middle) == versions(high) or verdict(middle) != wanted:
            high = middle
        else:
            low = middle
    before, after = versions(low), versions(high)
    changed = [g for g in GROUPS if any(before.get(n) != after.get(n) for n in g)]
    if len(changed) == 1:
        return Found(high, before, after, changed[0][0], len(tested))
    alone = None
    runs = len(tested)
    for group in changed:
        mixed = before | {name: after[name] for name in group if name in after}
        runs += 1
        pins = ",".join(f"{name}=={version}" for name, version in sorted(mixed.items()))
        if test(f"{pins}{python}") != wanted:
            alone = group[0]
            break
    return Found(high, before, after, alone, runs)


def _short(verdict: Verdict) -> str:
    text = verdict if isinstance(verdict, str) else json.dumps(verdict)
    return text if len(text) <= 80 else text[:77] + "..."


def day_of(spec: str, resolved: Callable[[str], Versions]) -> date:
    """The day an ENV stands for: its own, or the first whose install gives the versions it names.

    `resolved(ENV)` says what is in it. Raises `BisectError` where no day gives these versions.
    """
    asked = environments.parse(spec)
    if asked.kind == "date":
        assert asked.date is not None
        return asked.date
    python = f"@{asked.python}" if asked.python else ""
    wanted = resolved(spec)
    low, high = FIRST, datetime.now(timezone.utc).date()

    def reached(day: date) -> bool:
        there = resolved(f"{day}{python}")
        return all(Version(there[name]) >= Version(wanted[name]) for name in ("jax", "flax"))

    while low < high:
        middle = low + (high - low) // 2
        low, high = (low, middle) if reached(middle) else (middle + timedelta(days=1), high)
    found = resolved(f"{low}{python}")
    if any(found[name] != wanted[name] for name in ("jax", "flax")):
        raise BisectError(
            f"bisect goes by date, and no day's install gives jax {wanted['jax']} with flax "
            f"{wanted['flax']} ({spec}): give a date"
        )
    return low


@attrs.frozen
class Question:
    """What to look for between two environments, and how each is run."""

    good: str
    """An ENV where it is as it should be."""
    bad: str
    """An ENV where it is not."""
    cell: Cell
    """How each environment is run."""
    observation: str | None
    """The key of an observation; None where the law's verdict decides."""


def question(request: Request, found: Target) -> Question:
    """The question about a target between the two environments of a request.

    Raises:
        BisectError: The plan of a law's calls cannot be drawn in the first environment.
        ValueError: An ENV is invalid.

    """
    good, bad = request.environments
    for spec in (good, bad):
        environments.parse(spec)
    options = ["--profile", request.profile, "--seed", str(request.seed)]
    options += [word for module in request.own for word in ("--subjects", module)]
    if found.observation is not None:
        options += ["--observe", group_of(found.observation)]
    cell = Cell(
        good,
        options=tuple(options),
        extra=request.extra,
        editable=request.editable,
        import_path=import_path(request),
    )
    plan = _plan(request, found) if found.law is None else _drawn(request, cell)
    return Question(good, bad, attrs.evolve(cell, plan=plan), found.observation)


def _plan(request: Request, found: Target) -> str:
    """A plan without calls, which says what is observed."""
    observe = {
        "names": list(found.names),
        "transforms": list(request.transforms),
        "subjects": list(request.subjects),
    }
    header = {"plan": PLAN_VERSION, "profile": request.profile, "seed": request.seed}
    return json.dumps({**header, "calls": {}, "observe": observe})


def _drawn(request: Request, cell: Cell) -> str:
    """The plan of a law's calls, drawn where it holds."""
    try:
        answer = cells.probe(cell, wanted(request, draw=True))
    except cells.CellError as error:
        raise BisectError(str(error)) from None
    if answer.broken:
        why = answer.broken[0]
        raise BisectError(
            f"{why.subject or why.module} cannot be made in {cell.environment}: {why.type}: {why.line}"
        )
    assert answer.plan is not None
    return answer.plan


def find_release(asked: Question, report: Callable[[str], None]) -> Found:
    """The release between the two environments that changed what is asked about.

    Args:
        asked: What to look for.
        report: Gets one line for each environment that was run.

    Raises:
        BisectError: There is nothing to find, or an environment could not be run.

    """

    def resolved(spec: str) -> Versions:
        found = environments.resolved(spec)
        if isinstance(found, NotBuilt):
            raise BisectError(str(found))
        return {name: found[name] for group in GROUPS for name in group if name in found}

    def test(spec: str) -> Verdict:
        events = cells.run(attrs.evolve(asked.cell, environment=spec))
        header = events[0]
        assert isinstance(header, Header)
        if header.problem:
            raise BisectError(f"{spec} could not be run: {header.problem}")
        verdict = observed(events, asked.observation) if asked.observation else _held(events)
        there = header.environment
        report(f"jax {there.jax}  flax {there.flax}: {_short(verdict)}")
        return verdict

    python = environments.parse(asked.bad).python or environments.parse(asked.good).python
    at = f"@{python}" if python else ""
    first, last = day_of(asked.good, resolved), day_of(asked.bad, resolved)
    return search(first, last, lambda day: resolved(f"{day}{at}"), test, at)


def group_of(key: str) -> str:
    """The group of observations that a key is of."""
    first = key.split("/", maxsplit=1)[0]
    return "outputs" if first == "gradients" else first


def _held(events: list[Record]) -> str:
    outcomes = {event.outcome for event in events if isinstance(event, Result)}
    if outcomes - CONFORMING or "known-defect" in outcomes:
        return "does not hold"
    return "holds" if outcomes - NOT_CHECKED else "not applicable"


def observed(events: list[Record], key: str) -> Verdict:
    """The value of an observation, of all whose key continues this one after a slash, or of a fact of one.

    Args:
        events: Of one environment.
        key: Such as `objects/Mesh`, `objects` or `objects/Mesh/hash`.

    Raises:
        BisectError: The environment has no such observation.

    """
    found = {
        event.key: encode(event.value)
        for event in events
        if isinstance(event, Observation) and f"{event.key}/".startswith(f"{key}/")
    }
    # Of an object it is one of an observation's facts, which a release may lack.
    wholes = [e for e in events if isinstance(e, Observation) and key.startswith(f"{e.key}/")]
    if not found and wholes and isinstance(wholes[0].value, dict):
        return wholes[0].value.get(key.removeprefix(f"{wholes[0].key}/"), "not there")
    if not found:
        raise BisectError(f"there is no observation {key!r} in this environment")
    return found.get(key, found)


def in_words(found: Found, what: str) -> str:
    """One or two sentences: which release changed `what`, and what was released with it."""
    names = [n for group in GROUPS for n in group if found.before.get(n) != found.after.get(n)]
    changes = ", ".join(f"{n} {found.before.get(n)} to {found.after.get(n)}" for n in names)
    if found.package is None:
        first = f"{what} changed on {found.day}, with {changes}, and with none of them alone"
    else:
        first = f"{what} changed with {found.package} {found.after[found.package]}, on {found.day}"
    return f"{first} ({changes}). {found.runs} runs."
