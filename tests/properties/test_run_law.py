"""The runner finds, shrinks and narrows; sets aside what is known; and passes on its own faults."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import jax
import pytest
from hypothesis.database import InMemoryExampleDatabase

from properties import applicability, lacking
from properties.call import FunctionCall
from properties.compare import Mismatch
from properties.law import Law, Violation, attribute_to, minimize
from properties.laws import LAWS
from properties.loop_transform import LOOP
from properties.profile import Profile
from properties.run_law import LawRun, run_law
from properties.sizes import pool
from properties.smaller import smaller_sizes
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.subjects import SUBJECTS
from reference.error_bounds.bounded_array import BranchUndecidable

SQUARE, MATRIX_ADD = SUBJECTS["square"], SUBJECTS["matrix-add"]
PROFILE = Profile("test", examples=30, shapes=8, combinations=12, deadline=60, random=False, seed=3)


def law_of(check: Callable[[Any, Any], None]) -> Law:
    return attrs.evolve(
        LAWS["mapping.equals-per-example"],
        id="test.law",
        check=check,
        cases=function_calls(),
        smaller=None,
    )


def violated(call: FunctionCall) -> Violation:
    return Violation(call, Mismatch("value", f"wrong for {call.seed}"), "map")


def held(check: Callable[[Any, Any], None], **options: Any) -> LawRun:
    profile = options.pop("profile", PROFILE)
    return run_law(law_of(check), LOOP, MATRIX_ADD, profile, **options)


def test_what_holds_is_counted() -> None:
    calls = []
    result = held(lambda transform, call: calls.append(call))
    assert result.violation is None
    assert result.examples == len(calls) == PROFILE.examples
    assert result.combinations == sum(len(call.axes) for call in calls)
    assert result.shapes == len({tuple(call.sizes.items()) for call in calls}) > 1


def test_a_violation_is_shrunk() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        if call.dtype == "int32":
            raise violated(call)

    result = held(check)
    assert result.violation is not None
    shrunk = result.violation.call
    assert shrunk.dtype == "int32"
    assert not shrunk.eager
    assert shrunk.sizes == pool(MATRIX_ADD, PROFILE)[0]
    assert str(result.violation) == f"wrong for {shrunk.seed}"


def test_sizes_become_as_small_as_the_violation_lets_them() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        if call.sizes["m"] == 1:
            raise ValueError("the subject takes no such size")
        if call.sizes["n"] >= call.sizes["batch"] > 1:
            raise violated(call)

    shrinking = attrs.evolve(law_of(check), smaller=smaller_sizes)
    found = run_law(shrinking, LOOP, MATRIX_ADD, PROFILE).violation
    assert found is not None
    assert found.call.sizes["m"] > 1
    assert found.call.sizes["n"] >= found.call.sizes["batch"]

    def any_size(_: Any, call: FunctionCall) -> None:
        if call.sizes["batch"] > 1:
            raise violated(call)

    shrinking = attrs.evolve(law_of(any_size), smaller=smaller_sizes)
    found = run_law(shrinking, LOOP, MATRIX_ADD, PROFILE).violation
    assert found is not None
    batches = {each["batch"] for each in pool(MATRIX_ADD, PROFILE)} - {1}
    assert found.call.sizes == {"batch": min(batches), "m": 1, "n": 1}

    excluding = run_law(
        shrinking, LOOP, MATRIX_ADD, PROFILE, exclude=lambda call: call.sizes["n"] == 1
    ).violation
    assert excluding is not None
    assert (excluding.call.sizes["m"], excluding.call.sizes["n"] > 1) == (1, True)


def test_without_shrinking_the_first_violation_will_do() -> None:
    calls = []

    def check(_: Any, call: FunctionCall) -> None:
        calls.append(call)
        if call.dtype == "int32":
            raise violated(call)

    result = held(check, shrink=False)
    assert result.violation is not None
    assert len(calls) == result.examples < PROFILE.examples


def test_a_violation_is_narrowed_to_one_combination_of_axes() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        if any(axes.out_axes == 2 for axes in call.axes):
            raise violated(call)

    result = held(check)
    assert result.violation is not None
    (axes,) = result.violation.call.axes
    assert axes.out_axes == 2


def test_what_only_several_combinations_show_stays_whole() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        if len(call.axes) > 1:
            raise violated(call)

    result = held(check)
    assert result.violation is not None
    assert len(result.violation.call.axes) > 1


def test_what_is_set_aside_is_never_checked() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        if any(axes.out_axes for axes in call.axes):
            raise violated(call)

    assert held(check).violation is not None
    result = held(check, exclude=lambda call: call.axes[0].out_axes != 0)
    assert result.violation is None
    assert result.examples > 0


def test_set_aside_is_asked_about_one_combination_at_a_time() -> None:
    asked = []
    held(lambda transform, call: None, exclude=asked.append)
    assert {len(call.axes) for call in asked} == {1}


def test_where_everything_is_set_aside_nothing_is_an_example() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        raise violated(call)

    result = held(check, exclude=lambda call: True)
    assert (result.violation, result.examples) == (None, 0)


@pytest.mark.parametrize("error", [ZeroDivisionError, AssertionError, NotImplementedError])
def test_a_fault_of_the_suite_is_raised(error: type[Exception]) -> None:
    def check(_: Any, call: FunctionCall) -> None:
        raise error("the suite is broken")

    with pytest.raises(error, match="the suite is broken"):
        held(check)


def test_what_rounding_decides_is_no_violation() -> None:
    def check(_: Any, call: FunctionCall) -> None:
        if call.seed % 2:
            raise BranchUndecidable("near the edge")

    assert held(check).violation is None


def test_a_database_brings_the_violation_back_at_once() -> None:
    database, calls = InMemoryExampleDatabase(), []

    def check(_: Any, call: FunctionCall) -> None:
        calls.append(call)
        if call.dtype == "int32":
            raise violated(call)

    first = held(check, database=database)
    calls.clear()
    other = attrs.evolve(PROFILE, seed=99, examples=1)
    second = held(check, database=database, profile=other)
    assert first.violation is not None
    assert second.violation is not None
    assert [call.dtype for call in calls[:1]] == ["int32"]
    assert second.violation.call.dtype == first.violation.call.dtype == "int32"


def test_each_law_transform_and_subject_has_a_database_key_of_its_own() -> None:
    database, calls = InMemoryExampleDatabase(), []

    def check(_: Any, call: FunctionCall) -> None:
        calls.append(call)
        raise violated(call)

    law = law_of(check)
    run_law(law, LOOP, MATRIX_ADD, PROFILE, database=database)
    assert len(database.data) > 0
    kept = {key: set(values) for key, values in database.data.items()}
    for changed in (
        (attrs.evolve(law, id="test.other"), LOOP, MATRIX_ADD),
        (law, attrs.evolve(LOOP, name="other"), MATRIX_ADD),
        (law, LOOP, SQUARE),
    ):
        run_law(*changed, PROFILE, database=database)
        assert {key: set(database.data[key]) for key in kept} == kept
    assert len(database.data) >= 4 * len(kept)


def test_the_same_seed_gives_the_same_digest_and_another_another() -> None:
    digests = [
        held(lambda transform, call: None, profile=attrs.evolve(PROFILE, seed=seed)).digest
        for seed in (0, 0, 1)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_blame_turns_disagreements_only() -> None:
    call = FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, ())
    with pytest.raises(Violation, match="differs") as caught, attribute_to(call, "map"):
        raise Mismatch("value", "differs")
    assert (caught.value.call, caught.value.what) == (call, "map")
    assert caught.value.mismatch.kind == "value"
    with pytest.raises(ZeroDivisionError), attribute_to(call, "map"):
        raise ZeroDivisionError


def test_narrowing_a_call_that_holds_finds_nothing() -> None:
    call = FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, ())
    assert minimize(law_of(lambda transform, call: None), LOOP, call) is None


@pytest.mark.parametrize("every", [True, False])
def test_a_profile_may_want_each_dtype(every: bool) -> None:
    dtypes: list[str] = []
    law = attrs.evolve(
        LAWS["mapping.equals-per-example"], check=lambda _, c: dtypes.append(c.dtype)
    )
    subject = SUBJECTS["lax.reshape"]
    assert isinstance(subject, FunctionSubject)
    run_law(law, LOOP, subject, attrs.evolve(PROFILE, examples=1, every_dtype=every))
    assert len(dtypes) == (len(subject.dtypes) if every else 1)
    assert (set(dtypes) == set(subject.dtypes)) is every


PSUM = SUBJECTS["lax.psum"]
"""It maps within."""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Exception], None]]:
    """Has `jax.vmap` raise an exception within subjects; transforms keep theirs."""

    def refuse(error: Exception) -> None:
        def refused(*given: Any, **named: Any) -> Any:
            raise error

        monkeypatch.setattr(jax, "vmap", refused)
        # JAX does not run a function again for a trace that it has.
        jax.clear_caches()
        applicability.refusal.cache_clear()

    applicability.refusal.cache_clear()
    yield refuse
    applicability.refusal.cache_clear()


def test_what_a_function_of_the_catalogue_raises_before_any_map_is_a_violation(
    refusing: Callable[[Exception], None],
) -> None:
    law = LAWS["mapping.equals-per-example"]
    assert run_law(law, LOOP, PSUM, PROFILE).violation is None
    refusing(ValueError("no such axis"))
    assert law.skip_reason(LOOP, PSUM) is None
    found = run_law(law, LOOP, PSUM, PROFILE)
    assert str(found.violation) == (
        "before any map of it, lax.psum raised ValueError: no such axis"
    )
    assert found.examples == 1


def test_what_a_release_is_known_to_lack_is_no_violation(
    refusing: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lacking, "LACKED", {">=0.4.30": (PSUM.name,)})
    refusing(AttributeError("module 'jax' has no attribute 'vmap'"))
    reason = LAWS["mapping.equals-per-example"].skip_reason(LOOP, PSUM)
    assert reason is not None
    assert reason.endswith("AttributeError: module 'jax' has no attribute 'vmap'")
