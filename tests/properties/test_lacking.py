"""What a release is known to lack is not applicable; what it is known to have is a fault where it fails."""

from collections.abc import Iterator

import jax
import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from conformance.events.details import NotApplicable
from conformance.runner.items import select
from conformance.runner.run_item import run_item
from properties import applicability, lacking
from properties.profile import PROFILES
from properties.subjects import SUBJECTS
from tests.properties.affected import affected


@pytest.fixture(autouse=True)
def _refused_anew() -> Iterator[None]:
    applicability.refusal.cache_clear()
    yield
    applicability.refusal.cache_clear()


def test_the_table_names_functions_and_releases_that_were_tried() -> None:
    for releases, names in lacking.LACKED.items():
        assert set(names) <= SUBJECTS.keys(), releases
        assert not SpecifierSet(releases).contains(lacking.MEASURED), releases


def test_this_release_has_what_the_table_says() -> None:
    if lacking.is_newer() or jax.default_backend() != "cpu":
        pytest.skip("the table is of a CPU and of releases up to the newest that was tried")
    broken = {name for name, each in SUBJECTS.items() if applicability.raised_alone(each)}
    assert broken <= affected()


@pytest.mark.parametrize(
    ("error", "sound"),
    [
        (NotImplementedError("remat optimization for this"), False),
        (AttributeError("module has no attribute"), False),
        (TypeError("sin() got an unexpected keyword argument"), False),
        (TypeError('data type "float8_e8m0fnu" not understood'), True),
    ],
)
@pytest.mark.parametrize("newer", [False, True])
def test_what_stops_working_is_a_fault_of_a_release_that_had_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sound: bool, newer: bool
) -> None:
    if newer:
        monkeypatch.setattr(lacking, "MEASURED", Version("0.4.29"))

    (item,) = select(
        laws=["mapping.equals-per-example"], transforms=["jax.vmap"], subjects=["lax.sin"]
    )

    def fails(*_: object) -> None:
        raise error

    def outcome() -> tuple[str, str]:
        applicability.refusal.cache_clear()
        jax.clear_caches()  # or the trace of the sound function is found again
        found = run_item(item, PROFILES["quick"])
        detail = found.detail
        return found.outcome, detail.source if isinstance(detail, NotApplicable) else ""

    assert outcome() == ("holds", "")
    monkeypatch.setattr(jax.lax, "sin", fails)
    expected = (
        ("not-applicable", "release" if newer else "suite") if sound or newer else ("violated", "")
    )
    assert outcome() == expected
