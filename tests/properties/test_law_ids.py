"""Ids of renamed laws: accepted wherever an id is given, and still what seeds are made of."""

import pytest

from conformance.transforms import TRANSFORMS
from properties import law_ids
from properties.law import load, stored
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.run_law import draw
from properties.subjects import SUBJECTS

OLD, NEW = "collectives.of-what-is-shared", "collectives.unmapped-operand"


def test_renamed_laws_exist_under_their_present_id_only() -> None:
    assert law_ids.RENAMED[OLD] == NEW
    assert set(law_ids.RENAMED.values()) <= set(LAWS)
    assert not set(law_ids.RENAMED) & set(LAWS)


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        ((OLD,), (NEW,)),
        ((NEW,), (NEW,)),
        (("collectives.of-*",), ("collectives.of-*", NEW)),
        (("mapping.*", OLD), ("mapping.*", NEW)),
        ((), ()),
    ],
)
def test_a_former_id_chooses_the_law(globs: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert law_ids.current_globs(globs) == expected


def test_a_stored_case_of_a_former_id_is_read() -> None:
    law, transform = LAWS[NEW], TRANSFORMS["jax.vmap"]
    (call, *_) = draw(law, transform, SUBJECTS["psum"], PROFILES["quick"])
    assert load(stored(OLD, transform.name, call)) == (NEW, transform.name, call)


def test_seeds_are_made_of_the_former_id() -> None:
    assert LAWS[NEW].seed_id == OLD
    assert LAWS["mapping.equals-per-example"].seed_id == "mapping.equals-per-example"
