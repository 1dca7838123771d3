"""Names that warn now: what is of a class that warns is told with it."""

from typing import Any

from conformance.events.user_code import Use
from tests.conformance.upgrade.user_sides import found, side


def test_what_is_of_a_class_that_is_deprecated_is_told_with_it() -> None:
    names = ("flax.nnx.Old", "flax.nnx.Old.value", "flax.nnx.Old.other")
    uses = tuple(Use(file="a.py", line=n, name=name) for n, name in enumerate(names, 1))
    none: dict[str, Any] = {f"warnings/names/{name}": [] for name in names}
    warned = [{"category": "DeprecationWarning", "line": "Use 'New' directly."}]
    other = [{"category": "DeprecationWarning", "line": "Use 'other' directly."}]
    after = dict(zip(none, (warned, warned, other), strict=True))
    mine = found(side({}, none, uses=uses), side({}, after))
    assert [(line.where, line.what) for line in mine.know] == [
        ("a.py:1, 2", "flax.nnx.Old"),
        ("a.py:3", "flax.nnx.Old.other"),
    ]
