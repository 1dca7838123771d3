"""The one pytest module of a run: every (law, transform, subject), and every group of observations."""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance.events.log import CONFORMING
from conformance.runner import cache_eviction, items, plan
from conformance.runner.plugin import NOT_SAMPLED, OBSERVATIONS, RESULT, RunOptions, encoded, names
from conformance.user_subjects import subjects

planned = functools.cache(plan.load)


def _groups() -> Mapping[str, Callable[[], Any]]:
    # Not every run observes, and the import is not free.
    from conformance.observations import GROUPS

    return GROUPS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    options = metafunc.config.stash[RunOptions.KEY]
    for module in options.own:
        subjects.load(module)
    if "group" in metafunc.fixturenames:
        groups = _groups() if options.observe else ()
        metafunc.parametrize("group", items.observed(groups, options.observe, options.shard))
        return
    items_chosen = items.select(options.laws, options.transforms, options.subjects, options.shard)
    if options.plan is not None:
        calls = planned(Path(options.plan))
        items_chosen = [item for item in items_chosen if item.planned_as in calls]
    # Items that are not sampled share one test: a test each would be most of what pytest does in a run.
    not_sampled = (
        []
        if options.plan
        else [item for item in items_chosen if items.is_not_sampled(item, options.profile)]
    )
    if "not_sampled" in metafunc.fixturenames:
        groups_of_items = [not_sampled] if not_sampled else []
        metafunc.parametrize("not_sampled", groups_of_items, ids=lambda _: "not-sampled")
        return
    unchecked = {item.id for item in not_sampled}
    checked = [item for item in items_chosen if item.id not in unchecked]
    metafunc.parametrize("item", checked, ids=[item.id for item in checked])


def test_holds(item: items.Item, request: pytest.FixtureRequest) -> None:
    """Run the item and hand the result to the controller, which alone writes the log."""
    options = request.config.stash[RunOptions.KEY]
    calls = planned(Path(options.plan)).get(item.id) if options.plan else None
    result = items.run(item, options.profile, options.database(), calls)
    request.node.user_properties.append((RESULT, encoded(result)))
    cache_eviction.forget_programs()
    if result["outcome"] not in CONFORMING:
        pytest.fail((result["detail"] or {}).get("message", result["outcome"]), pytrace=False)


def test_not_sampled(not_sampled: list[items.Item], request: pytest.FixtureRequest) -> None:
    """Say of each item that the profile does not sample why it does not."""
    options = request.config.stash[RunOptions.KEY]
    results = [names(item.id) | items.run(item, options.profile) for item in not_sampled]
    request.node.user_properties.append((NOT_SAMPLED, json.dumps(results)))


def test_observes(group: str, request: pytest.FixtureRequest) -> None:
    """Record a group of observations."""
    request.node.user_properties.append((OBSERVATIONS, encoded(dict(_groups()[group]()))))
