"""A version that is compared as text: '0.10' is before '0.9' there, which no release's error tells."""

from __future__ import annotations

import pytest

from conformance.upgrade.sources.operations import operations_in
from conformance.upgrade.sources.uses import uses_in
from tests.conformance.upgrade.user_sides import found, side

IMPORTS = "import jax\n"


def told(source: str, was: str, now: str) -> list[str]:
    uses = tuple(uses_in(IMPORTS + source, "a.py"))
    operations = tuple(operations_in(IMPORTS + source, "a.py"))
    old, new = (
        side({}, {}, uses=uses, operations=operations, versions={"jax": each})
        for each in (was, now)
    )
    return [line.sentence for line in found(old, new).work]


@pytest.mark.parametrize(
    "source",
    [
        "if jax.__version__ >= '0.6':\n    pass\n",
        "if '0.6' <= jax.__version__:\n    pass\n",
        "if jax.version.__version__ >= '0.6':\n    pass\n",
        "RELEASE = jax.__version__\nNEW = RELEASE >= '0.6'\n",
    ],
)
def test_a_text_that_is_before_what_it_was_after_is_to_do(source: str) -> None:
    (sentence,) = told(source, "0.9.2", "0.10.2")
    assert sentence == (
        "compared as text, of which '0.10.2' >= '0.6' is False: compare "
        "packaging.version.Version(jax.__version__) >= Version('0.6')"
    )


@pytest.mark.parametrize(
    ("source", "was", "now"),
    [
        # Right in both, or wrong in both.
        ("if jax.__version__ >= '0.6':\n    pass\n", "0.4.38", "0.9.2"),
        ("if jax.__version__ >= '0.6':\n    pass\n", "0.10.0", "0.10.2"),
        ("if jax.__version__ >= '0.1':\n    pass\n", "0.9.2", "0.10.2"),
        # No text, no version, no order.
        ("if jax.__version_info__ >= (0, 6):\n    pass\n", "0.9.2", "0.10.2"),
        ("if Version(jax.__version__) >= Version('0.6'):\n    pass\n", "0.9.2", "0.10.2"),
        ("if jax.__version__ >= 'new':\n    pass\n", "0.9.2", "0.10.2"),
        ("if jax.__version__ == '0.9.2':\n    pass\n", "0.9.2", "0.10.2"),
        ("import numpy\nif numpy.__version__ >= '0.6':\n    pass\n", "0.9.2", "0.10.2"),
    ],
)
def test_a_version_that_is_where_it_was_is_nothing_to_do(source: str, was: str, now: str) -> None:
    assert told(source, was, now) == []
