"""The exit status of a comparison."""

from conformance.events.records import Header
from conformance.upgrade.columns import Comparison
from conformance.upgrade.for_you import for_you


def status(comparison: Comparison, *, yours: bool = False) -> int:
    """0 where nothing breaks, 1 where something does, 3 where an environment could not be built.

    What the user has to do breaks, too: a subject that cannot be made, a keyword that is not taken any more.

    Args:
        comparison: The environments.
        yours: Whether only what the user has to do counts, and not what breaks elsewhere.

    """
    first, *others = comparison.columns
    headers = [e for column in comparison.columns for e in column.events if isinstance(e, Header)]
    if any(header.built is False for header in headers):
        return 3
    if any(column.problem for column in comparison.columns):
        return 1
    for column, found in zip(others, comparison.differences, strict=True):
        if found is None:
            continue
        mine = for_you(first.events, column.events, found)
        if (found.status and not yours) or (mine is not None and mine.things_to_do):
            return 1
    return 0
