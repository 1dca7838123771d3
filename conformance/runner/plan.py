"""A plan: calls drawn once and written down, so that the very same ones run in another environment.

Equal seeds would not do: Hypothesis draws other calls from a seed in each of its releases.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conformance.runner.items import Item, not_sampled_reason
from properties import run_law
from properties.applicability import unavailable
from properties.call import Call
from properties.call_json import from_json, to_json
from properties.profile import Profile

VERSION = 1


class PlanError(Exception):
    """A plan that cannot be followed, in one sentence."""


def draw(items: Iterable[Item], profile: Profile) -> dict[str, Any]:
    """The plan of these items: for each, the calls that a run of this profile would draw here.

    What the installed release does not have cannot be drawn, and is left out.
    """
    calls = {
        item.id: []
        if not_sampled_reason(item, profile)
        or item.law.inapplicable_reason(item.transform, item.subject)
        else [to_json(c) for c in run_law.draw(item.law, item.transform, item.subject, profile)]
        for item in items
        if item.defect is None and not unavailable(item.subject)
    }
    return {"plan": VERSION, "profile": profile.name, "seed": profile.seed, "calls": calls}


def load(path: Path) -> dict[str, list[Call]]:
    """The calls by item. Raises `PlanError` for what is no plan, or one of another version."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        if plan["plan"] != VERSION:
            raise PlanError(f"{path} is a plan of version {plan['plan']}, this suite has {VERSION}")
        return {name: [from_json(call) for call in calls] for name, calls in plan["calls"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PlanError(f"{path} is not a plan: {type(error).__name__}: {error}") from None
