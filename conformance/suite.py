"""The one pytest module of a run: every (law, transform, subject), and every group of observations."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance import items, memory, own, plan
from conformance.log import CONFORMING
from conformance.plugin import OBSERVATIONS, RESULT, RunOptions, encoded

planned = functools.cache(plan.load)


def _groups() -> Mapping[str, Callable[[], Any]]:
    # Not every run observes, and the import is not free.
    from conformance.observations import GROUPS

    return GROUPS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    options = metafunc.config.stash[RunOptions.KEY]
    for module in options.own:
        own.load(module)
    if "group" in metafunc.fixturenames:
        groups = _groups() if options.observe else ()
        metafunc.parametrize("group", items.observed(groups, options.observe, options.shard))
        return
    items_chosen = items.select(options.laws, options.transforms, options.subjects, options.shard)
    if options.plan is not None:
        calls = planned(Path(options.plan))
        items_chosen = [item for item in items_chosen if item.planned_as in calls]
    metafunc.parametrize("item", items_chosen, ids=[item.id for item in items_chosen])


def test_holds(item: items.Item, request: pytest.FixtureRequest) -> None:
    """Run the item and hand the result to the controller, which alone writes the log."""
    options = request.config.stash[RunOptions.KEY]
    calls = planned(Path(options.plan)).get(item.id) if options.plan else None
    result = items.run(item, options.profile, options.database(), calls)
    request.node.user_properties.append((RESULT, encoded(result)))
    memory.forget_programs()
    if result["outcome"] not in CONFORMING:
        pytest.fail((result["detail"] or {}).get("message", result["outcome"]), pytrace=False)


def test_observes(group: str, request: pytest.FixtureRequest) -> None:
    """Record a group of observations."""
    request.node.user_properties.append((OBSERVATIONS, encoded(dict(_groups()[group]()))))
