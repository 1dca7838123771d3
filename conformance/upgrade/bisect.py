"""``vmap-conformance bisect``: find the release that broke a law, or changed an observation."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import click
from packaging.version import Version

from conformance.cli import options
from conformance.events.log import CONFORMING, Event
from conformance.reporting import terminal
from conformance.runner import process_env
from conformance.upgrade import cells, environments
from conformance.upgrade.cells import Cell
from conformance.upgrade.environments import NotBuilt
from properties.profile import PROFILES

GROUPS = (("jax", "jaxlib"), ("flax",), ("numpy",), ("chex",))
"""What is told apart: packages that are released together count as one."""

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
    """The first day whose releases give another verdict than ``good``'s.

    ``versions(day)`` says what an install on that day resolves to, ``test(ENV)`` what comes of a run.
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

    ``resolved(ENV)`` says what is in it. Raises `BisectError` where no day gives these versions.
    """
    asked = environments.parse(spec)
    if asked.date is not None:
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


@click.command()
@click.argument("law", required=False)
@click.option("--good", required=True, metavar="ENV", help="Where it was as it should be.")
@click.option("--bad", required=True, metavar="ENV", help="Where it is not.")
@click.option("--observation", metavar="KEY", help="Find what changed this observation, not a law.")
@options.selection
@options.carried
def bisect(
    law: str | None,
    good: str,
    bad: str,
    observation: str | None,
    own: tuple[str, ...],
    profile: str,
    laws: tuple[str, ...],
    transforms: tuple[str, ...],
    subjects: tuple[str, ...],
    seed: int | None,
    extra: tuple[str, ...],
    editable: tuple[Path, ...],
) -> int:
    """Find the release that broke LAW, or changed an observation."""
    if (law is None) == (observation is None):
        raise click.UsageError("give either a LAW or --observation KEY")
    chosen = (*laws, law) if law else laws
    options.known("law", chosen, lambda: options.names("law"))
    process_env.prepare()
    from conformance.runner import items, plan

    how = PROFILES[profile].asked(seed or 0, chosen, subjects)
    selected = items.select(chosen, transforms, subjects) if law else []
    drawn = json.dumps(plan.draw(selected, how))
    given = ["--profile", profile, "--seed", str(how.seed)]
    given += [word for module in own for word in ("--subjects", module)]
    if observation:
        given += ["--observe", _group(observation)]
    console = terminal.console()

    def resolved(spec: str) -> Versions:
        found = environments.resolved(spec)
        if isinstance(found, NotBuilt):
            raise BisectError(str(found))
        return {name: found[name] for group in GROUPS for name in group if name in found}

    def test(spec: str) -> Verdict:
        directories = tuple(str(directory) for directory in editable)
        events = cells.run(Cell(spec, drawn, tuple(given), extra, directories))
        if "problem" in events[0]:
            raise BisectError(f"{spec} could not be run: {events[0]['problem']}")
        verdict = _observed(events, observation) if observation else _held(events)
        versions = events[0]["environment"]
        shown = "  ".join(f"{name} {versions[name]}" for name in ("jax", "flax"))
        console.print(f"{shown}: {_short(verdict)}", highlight=False, soft_wrap=True)
        return verdict

    try:
        python = environments.parse(bad).python or environments.parse(good).python
        at = f"@{python}" if python else ""
        first, last = day_of(good, resolved), day_of(bad, resolved)
        found = search(first, last, lambda day: resolved(f"{day}{at}"), test, at)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except BisectError as error:
        raise click.ClickException(str(error)) from None
    console.print(_told(found, law or str(observation)), highlight=False, soft_wrap=True)
    return 0


def _group(key: str) -> str:
    """The group of observations that a key is of."""
    from conformance.observations import GROUPS

    first = key.split("/")[0]
    return first if first in GROUPS else "*"


def _held(events: list[Event]) -> str:
    outcomes = {event["outcome"] for event in events if event["type"] == "result"}
    if outcomes - CONFORMING or "known-defect" in outcomes:
        return "does not hold"
    return "holds" if outcomes - {"not-applicable"} else "not applicable"


def _observed(events: list[Event], key: str) -> Verdict:
    for event in events:
        if event["type"] == "observation" and event["key"] == key:
            return event["value"]
    raise BisectError(f"there is no observation {key!r} in {events[0]['asked']}")


def _told(found: Found, what: str) -> str:
    names = [n for group in GROUPS for n in group if found.before.get(n) != found.after.get(n)]
    changes = ", ".join(f"{n} {found.before.get(n)} to {found.after.get(n)}" for n in names)
    if found.package is None:
        first = f"{what} changed on {found.day}, with {changes}, and with none of them alone"
    else:
        first = f"{what} changed with {found.package} {found.after[found.package]}, on {found.day}"
    return f"{first} ({changes}). {found.runs} runs."
