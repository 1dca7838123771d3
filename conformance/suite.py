"""The one pytest module of a run: it collects every (law, transform, subject) and runs each."""

import pytest

from conformance import items
from conformance.log import CONFORMING
from conformance.plugin import RESULT, RunOptions, encoded


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    options = metafunc.config.stash[RunOptions.KEY]
    chosen = items.select(options.laws, options.transforms, options.subjects)
    metafunc.parametrize("item", chosen, ids=[item.id for item in chosen])


def test_holds(item: items.Item, request: pytest.FixtureRequest) -> None:
    """Run the item and hand the result to the controller, which alone writes the log."""
    options = request.config.stash[RunOptions.KEY]
    result = items.run(item, options.profile, options.database())
    request.node.user_properties.append((RESULT, encoded(result)))
    if result["outcome"] not in CONFORMING:
        pytest.fail((result["detail"] or {}).get("message", result["outcome"]), pytrace=False)
