"""The one pytest module of a run: every (law, transform, subject), and every group of observations."""

import functools
from pathlib import Path
from typing import Any

import attrs
import pytest

from conformance.events.arrays import encode
from conformance.events.details import Violation
from conformance.events.outcomes import CONFORMING
from conformance.events.records import Observation
from conformance.events.user_code import UserSubject
from conformance.runner import cache_eviction, items, mlir_context, plan
from conformance.runner.attachments import Attachment
from conformance.runner.plugin import OPTIONS, OWN
from conformance.runner.run_item import run_item
from conformance.runner.run_options import RunOptions
from conformance.user_subjects import loading

planned = functools.cache(plan.load)
not_planned = functools.cache(plan.not_sampled)


def _observed(options: RunOptions) -> list[items.ObservedPart]:
    if not options.observe:
        return []
    # Not every run observes, and the import is not free.
    from conformance.observations import GROUPS, PARTS

    parts = {group: PARTS.get(group, 1) for group in GROUPS}
    return items.observed(parts, options.observe, options.shard)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the tests below. Their ids are numbers: names of subjects may be anything."""
    options = metafunc.config.stash[OPTIONS]
    for module in options.own:
        for subject in loading.load(module):
            if items.chosen(subject.name, options.subjects):
                mine = UserSubject(module=module, error=None)
                metafunc.config.stash[OWN][subject.name] = mine
    if "group" in metafunc.fixturenames:
        _parametrize(metafunc, "group", _observed(options))
        return
    sampled, not_sampled = _selected(options)
    if "not_sampled" in metafunc.fixturenames:
        _parametrize(metafunc, "not_sampled", [not_sampled] if not_sampled else [])
    else:
        _parametrize(metafunc, "item", sampled)


def _parametrize(metafunc: pytest.Metafunc, name: str, values: list[Any]) -> None:
    metafunc.parametrize(name, values, ids=[str(number) for number in range(len(values))])


def _selected(options: RunOptions) -> tuple[list[items.Item], list[items.Item]]:
    """The items that the run checks, and those that it leaves to other seeds and profiles.

    The latter share one test: a test each would be most of what pytest does in a run.
    """
    selected = items.select(options.laws, options.transforms, options.subjects, options.shard)
    if options.plan is not None:
        calls, left_out = (read(Path(options.plan)) for read in (planned, not_planned))
        return (
            [
                i
                for i in selected
                if i.planned_as in calls or (i.defect and i.planned_as in left_out)
            ],
            [i for i in selected if not i.defect and i.planned_as in left_out],
        )
    profile = options.profile
    sampled = [item.is_sampled(profile) for item in selected]
    return (
        [item for item, is_sampled in zip(selected, sampled, strict=True) if is_sampled],
        [item for item, is_sampled in zip(selected, sampled, strict=True) if not is_sampled],
    )


def test_law(item: items.Item, request: pytest.FixtureRequest) -> None:
    """Run the item and attach its result for the controller."""
    options = request.config.stash[OPTIONS]
    calls = planned(Path(options.plan)).get(item.planned_as) if options.plan else None
    with options.compiling():
        result = run_item(item, options.profile, options.database(), calls, options.cell)
    Attachment(results=[result]).attach(request.node)
    cache_eviction.evict_programs()
    if result.outcome not in CONFORMING:
        message = result.detail.message if isinstance(result.detail, Violation) else result.outcome
        pytest.fail(message, pytrace=False)


def test_not_sampled(not_sampled: list[items.Item], request: pytest.FixtureRequest) -> None:
    """Attach for each item that the profile does not sample why it does not."""
    options = request.config.stash[OPTIONS]
    planned_reasons = not_planned(Path(options.plan)) if options.plan else {}
    results = [
        run_item(
            item,
            options.profile,
            cell=options.cell,
            not_sampled=planned_reasons.get(item.planned_as),
        )
        for item in not_sampled
    ]
    Attachment(results=results).attach(request.node)


def test_observations(group: items.ObservedPart, request: pytest.FixtureRequest) -> None:
    """Record a group of observations, or a part of it."""
    from conformance.observations import GROUPS
    from conformance.observations.selection import Selection

    options = request.config.stash[OPTIONS]
    chosen = plan.observed(Path(options.plan)) if options.plan else options
    sweeps = options.profile.name != "quick"
    selection = Selection(chosen.subjects, chosen.transforms, sweeps=sweeps)
    if isinstance(chosen, plan.Observed):
        about = (chosen.names, chosen.keywords, chosen.only_their_calls, chosen.sweeps)
        selection = Selection(chosen.subjects, chosen.transforms, *about)
    selection = attrs.evolve(selection, part=group.part)
    with mlir_context.shared():
        found = [
            Observation(cell=options.cell, key=key, value=encode(value))
            for key, value in GROUPS[group.group](selection)
        ]
    Attachment(observations=found).attach(request.node)
