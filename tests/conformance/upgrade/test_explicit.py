"""What is about Explicit axes of a mesh is said of files that may have them, and of no others."""

import pytest

from conformance.events.user_code import Use
from conformance.upgrade.detectors import laws
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.explicit import explicit_files
from conformance.upgrade.for_you.index import by_name
from conformance.upgrade.for_you.nearby import nearby
from tests.conformance.upgrade.user_sides import near

MESH = Use(file="a.py", line=1, name="jax.make_mesh", positional=2)
TOLD = Use(file="a.py", line=1, name="jax.make_mesh", positional=2, keywords=("axis_types",))
ASKED = Use(file="a.py", line=2, name="jax.sharding.AxisType")
AUTO = Use(file="a.py", line=2, name="jax.sharding.AxisType.Auto")
EXPLICIT = Use(file="a.py", line=2, name="jax.sharding.AxisType.Explicit")


@pytest.mark.parametrize(
    ("uses", "jax", "there"),
    [
        ((MESH,), "0.8.2", False),
        ((MESH,), "0.9.0", True),
        ((MESH,), None, True),
        ((TOLD, ASKED, AUTO), "0.10.2", False),
        ((TOLD, ASKED, EXPLICIT), "0.8.2", True),
        ((TOLD, ASKED), "0.8.2", True),
        ((Use(file="a.py", line=1, name="jax.sharding.Mesh", positional=2),), "0.10.2", False),
    ],
)
def test_a_file_has_explicit_axes_where_its_text_may_choose_them(
    uses: tuple[Use, ...], jax: str | None, there: bool
) -> None:
    assert ("a.py" in explicit_files(by_name(uses), jax)) is there


def test_a_law_over_explicit_axes_is_said_of_the_files_that_have_them() -> None:
    item = "parallel.explicit-mesh | jax.vmap | square"
    mapped = [Use(file=file, line=9, name="jax.vmap", positional=1) for file in ("a.py", "b.py")]
    entry = Difference(laws.REGRESSED, item, "a known defect", cause=f"{laws.KNOWN}some-defect")
    said = list(nearby(by_name((*mapped, MESH, EXPLICIT)), [entry]))
    assert [line.where for line, _ in said] == ["a.py:9"]
    assert list(nearby(by_name((*mapped, TOLD, ASKED, AUTO)), [entry], jax="0.8.2")) == []


def test_a_keyword_that_the_called_name_takes_is_not_said_to_be_refused() -> None:
    key, name = "calls/jax.shard_map/check-rep", "jax.experimental.shard_map.shard_map"
    uses = (
        Use(file="a.py", line=4, name=name, positional=1, keywords=("check_rep",)),
        Use(file="a.py", line=3, name="jax.make_mesh", positional=2),
    )
    was = {"gives": "* of float32[2]", "values": [None]}
    now = {
        "type": "TypeError",
        "line": "shard_map() got an unexpected keyword argument 'check_rep'",
    }
    takes = {f"signatures/{name}": {"keywords": ["f", "check_rep"], "any": False}}
    assert len(near(uses, {key: was}, {key: now})) == 1
    assert near(uses, {key: was, **takes}, {key: now, **takes}) == []


def test_what_is_about_explicit_axes_is_said_in_a_line_on_failures_and_one_on_the_rest() -> None:
    laws_of = [
        Difference(laws.REGRESSED, f"parallel.explicit-mesh | jax.vmap | {name} | d{name}", "known")
        for name in ("sort", "lax.gather")
    ]
    uses = (
        Use(file="a.py", line=9, name="jax.vmap", positional=1),
        Use(file="a.py", line=8, name="jax.nn.softmax", positional=1),
        Use(file="a.py", line=7, name="jax.grad", positional=1),
        MESH,
        EXPLICIT,
    )
    key = "calls/jax.vmap/traced-explicit-own-softmax"
    was, now = (
        {key: {"gives": gives, "values": [None]}}
        for gives in ("* of float32[3]", "* of float32[3]@x")
    )
    ((failing, keys),) = nearby(by_name(uses), laws_of)
    assert (failing.where, failing.what) == ("a.py:9", "jax.vmap")
    assert "sort, lax.gather fail now" in failing.sentence
    assert len(keys) == 2
    ((where, what, sentence),) = near(uses, was, now)
    assert (where, what) == ("a.py:8", "jax.nn.softmax")
    assert "softmax give something else now" in sentence
