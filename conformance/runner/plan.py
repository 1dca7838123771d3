"""A plan: calls drawn once and written down, so that the very same ones run in another environment.

Equal seeds would not do: Hypothesis draws other calls from a seed in each of its releases.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from conformance.runner.items import Item
from properties import law_ids, run_law
from properties.applicability import unavailable
from properties.call import Call
from properties.call_json import MalformedCall, from_json, to_json
from properties.profile import Profile

VERSION = 1
_REMEDY = "give a plan that this suite wrote"


class PlanError(Exception):
    """A plan that cannot be followed, in one sentence."""


class Observed(Struct, frozen=True, kw_only=True):
    """What is observed besides the calls."""

    subjects: list[str] = []
    """Globs; none means all."""
    transforms: list[str] = []
    names: list[str] = []
    """Dotted names of the user's, beside the suite's own list."""
    keywords: list[str] = []
    """Keywords that the user's code gives."""
    only_their_calls: bool = False
    """Of the suite's calls, those alone that use no other names."""
    sweeps: bool = True
    """Whether the calls of functions of every dtype and rank are among them."""


class Plan(Struct, frozen=True, kw_only=True):
    """A plan as its file has it."""

    plan: int
    """The version of the format."""
    profile: str
    seed: int
    calls: dict[str, list[dict[str, Any]]]
    """The calls by item, as `Item.planned_as` names it."""
    not_sampled: dict[str, list[str]] = {}
    """The items that are not checked, by the reason: the same ones wherever the plan is followed."""
    observe: Observed = Observed()


def draw(items: Iterable[Item], profile: Profile) -> dict[str, Any]:
    """The plan of these items: for each, the calls that a run of this profile would draw here.

    What the installed release does not have cannot be drawn, and is not in the plan.
    """
    calls: dict[str, list[dict[str, Any]]] = {}
    not_sampled: dict[str, list[str]] = {}
    for item in items:
        if item.defect is not None or unavailable(item.subject):
            continue
        reason = item.not_sampled_reason(profile)
        if reason is None:
            calls[item.planned_as] = _drawn(item, profile)
        else:
            not_sampled.setdefault(reason, []).append(item.planned_as)
    return {
        "plan": VERSION,
        "profile": profile.name,
        "seed": profile.seed,
        "calls": calls,
        "not_sampled": not_sampled,
    }


def _drawn(item: Item, profile: Profile) -> list[dict[str, Any]]:
    if item.law.inapplicable_reason(item.transform, item.subject):
        return []
    return [to_json(c) for c in run_law.draw(item.law, item.transform, item.subject, profile)]


def load(path: Path) -> dict[str, list[Call]]:
    """The calls by item.

    Raises:
        PlanError: The file cannot be read, is of another version, or has something malformed in it.

    """
    plan = _read(path)
    return {
        _current(name): [
            _call(data, f"{path}, call {number} of {name!r}") for number, data in enumerate(calls)
        ]
        for name, calls in plan.calls.items()
    }


def not_sampled(path: Path) -> dict[str, str]:
    """By item, why the plan leaves it out. Raises `PlanError` as `load` does."""
    by_reason = _read(path).not_sampled
    return {_current(name): reason for reason, names in by_reason.items() for name in names}


def observed(path: Path) -> Observed:
    """What the plan says is observed. Raises `PlanError` as `load` does."""
    return _read(path).observe


def _read(path: Path) -> Plan:
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror or error}; {_REMEDY}") from None
    except RecursionError:
        raise PlanError(f"{path} is not a plan: it is nested too deeply; {_REMEDY}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} is not a plan: {_words(error)}; {_REMEDY}") from None
    if plan.plan != VERSION:
        raise PlanError(
            f"{path} is a plan of version {plan.plan}, this suite reads version {VERSION}: draw it again"
        )
    return plan


def _call(data: dict[str, Any], where: str) -> Call:
    try:
        return from_json(data)
    except MalformedCall as error:
        raise PlanError(f"{where}, is malformed: {_words(error)}; {_REMEDY}") from None


def _current(name: str) -> str:
    """An item's name, with the present id of its law."""
    law, *rest = name.split("|")
    return "|".join((law_ids.current(law), *rest))


def _words(error: Exception) -> str:
    """The error's message in one line."""
    return " ".join(str(error).split())
