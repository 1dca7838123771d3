"""What each known defect does to a user."""

import pytest

from conformance.events.outcomes import EFFECTS
from conformance.known_defects import DEFECTS
from conformance.known_defects.defect import Defect
from conformance.known_defects.effects import SILENTLY_WRONG, effect, effects

IDS = {defect.id for defect in DEFECTS}


def test_every_silently_wrong_defect_is_in_the_ledger() -> None:
    assert SILENTLY_WRONG <= IDS


def test_every_defect_has_an_effect() -> None:
    assert set(effects()) == IDS
    assert set(effects().values()) == set(EFFECTS)


@pytest.mark.parametrize(
    "defect",
    [d for d in DEFECTS if "silent" in d.description.lower() or "wrong value" in d.description],
    ids=lambda defect: defect.id,
)
def test_what_is_described_as_silent_is_silently_wrong(defect: Defect) -> None:
    assert effect(defect) == "silently wrong"


@pytest.mark.parametrize(
    "defect", [d for d in DEFECTS if d.crashes_process], ids=lambda defect: defect.id
)
def test_what_ends_the_process_is_worst(defect: Defect) -> None:
    assert effect(defect) == "process dies"
