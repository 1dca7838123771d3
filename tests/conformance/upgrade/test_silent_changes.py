"""Changes without an error: each is named, with what it means; the same twice is no difference."""

from typing import Any

import numpy as np

from conformance.upgrade.causes import causes
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.render.words import looked_at
from tests.conformance.upgrade.events import HEADER, NEWER, compared

REFUSED = {"type": "ValueError", "line": "no such dtype"}


def draw(*values: int, wrong: str | None = None) -> dict[str, Any]:
    return {"value": np.array(values, np.int32), "bound": None, "wrong": wrong}


def kinds(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """The kind of each difference, with its sentence."""
    assert compared(old, old).entries == ()
    return {entry.kind.id: entry.sentence for entry in compared(old, new).entries}


def test_a_sampler_that_gives_other_numbers() -> None:
    found = kinds({"draws/randint/int8": draw(1)}, {"draws/randint/int8": draw(2)})
    assert found == {"draws-changed": "the same key gives other numbers"}


def test_a_sampler_that_becomes_wrong_or_right() -> None:
    right, wrong = draw(1), draw(2, wrong="60% of draws are below 3, where 50% should be")
    key = "draws/randint/int8"
    assert kinds({key: right}, {key: wrong}) == {
        "draws-wrong": "60% of draws are below 3, where 50% should be"
    }
    (said,) = kinds({key: wrong}, {key: right}).values()
    assert said.startswith(
        "the same key gives other numbers, distributed as they should be; before"
    )


def test_a_dtype_that_is_refused_or_accepted() -> None:
    key = "draws/uniform/float16"
    assert "calls-fail" in kinds({key: draw(1)}, {key: REFUSED})
    assert "calls-work" in kinds({key: REFUSED}, {key: draw(1)})


def test_other_bits_explain_other_draws_but_not_wrong_ones() -> None:
    bits = "prng/threefry2x32/bits/uint32"
    old = {bits: np.array([1]), "draws/uniform/float32": draw(1), "draws/normal/float32": draw(1)}
    new = {
        bits: np.array([2]),
        "draws/uniform/float32": draw(2),
        "draws/normal/float32": draw(2, wrong="all draws are below 0, where 50% should be"),
    }
    found = compared(old, new, before=HEADER, after=NEWER).entries
    assert [entry.kind.id for entry in found] == ["prng-stream-changed", "draws-wrong"]
    assert "draws/uniform/float32" in found[0].consequences


def test_flags_with_another_default_gone_and_new() -> None:
    old = {"flags/jax/jax_a": "False", "flags/jax/jax_b": "1"}
    new = {"flags/jax/jax_a": "True", "flags/jax/jax_c": "x"}
    assert kinds(old, new) == {
        "flags-changed": "jax_a was False, is True",
        "flags-gone": "jax_b is gone; it was 1",
        "flags-added": "jax_c is new: x",
    }


def test_arguments_with_other_defaults_gone_needed_and_new() -> None:
    old = {"a": "1", "b": "None", "c": "None", "f": "required"}
    new = {"a": "2", "c": "required", "d": "None", "f": "not given"}
    found = kinds({"defaults/jax.f": old}, {"defaults/jax.f": new})
    assert found == {
        "defaults-changed": "a was 1 where it is not given, is 2",
        "arguments-gone": "takes no b= any more",
        "arguments-needed": "c must be given; it was None where it was not",
        "arguments-added": "takes d= now",
    }


def test_a_function_that_takes_any_argument_loses_none() -> None:
    found = kinds({"defaults/jax.f": {"a": "1"}}, {"defaults/jax.f": {"*": "any"}})
    assert found == {}


def test_many_new_flags_are_one_cause() -> None:
    old = {"flags/jax/jax_a": "1"}
    new = old | {f"flags/jax/jax_{n:02}": "1" for n in range(20)}
    (cause,) = causes(compared(old, new).entries)
    assert cause.kind is KINDS["flags-added"]
    assert cause.sentence.startswith("20 new flags: jax_00, jax_01")
    assert cause.sentence.endswith("and 8 more")


def started(*values: float, plain: bool | None = True) -> dict[str, Any]:
    array = np.array(values, np.float32)
    return {"value": array, "bound": np.full(array.shape, 1e-5), "plain": plain}


def test_other_initial_values_under_a_lift() -> None:
    key = "lifts/flax.linen/jit"
    tree = {f"{key}/tree": {"w": "float32[1]"}}
    found = kinds(tree | {f"{key}/w": started(1.0)}, tree | {f"{key}/w": started(2.0, plain=False)})
    assert list(found) == ["parameters-changed"]
    assert found["parameters-changed"].startswith("other initial values from the same seed")
    assert found["parameters-changed"].endswith("they were those of the module without the lift")


def test_one_change_of_paths_under_many_lifts_is_one_cause() -> None:
    old = {f"lifts/flax.nnx/{n}/tree": {"a": f"float32[{n}]"} for n in range(5)}
    new = {f"lifts/flax.nnx/{n}/tree": {"b": f"float32[{n}]"} for n in range(5)}
    (cause,) = causes(compared(old, new).entries)
    assert len(cause.entries) == 5


def test_a_lift_that_is_refused_now_and_one_that_is_accepted() -> None:
    key = "lifts/flax.nnx/scan"
    parts = {f"{key}/tree": {"w": "float32[1]"}, f"{key}/w": started(1.0)}
    refused = {key: {"type": "ValueError", "line": "no Carry"}}
    other = {"lifts/flax.nnx/plain": 1}
    assert kinds(other | parts, other | refused) == {
        "calls-fail": "accepted before; now ValueError: no Carry"
    }
    assert kinds(other | refused, other | parts) == {
        "calls-work": "accepted now; before, ValueError: no Carry"
    }


def given(text: str, *values: Any) -> dict[str, Any]:
    return {"calls/jax.vmap/form": {"gives": text, "values": list(values)}}


def test_a_call_that_gives_another_dtype_or_weak_type() -> None:
    one = np.ones(1, np.float32)
    assert kinds(given("* of float32[1]", one), given("* of float32[1] weak", one)) == {
        "results-changed": "gave * of float32[1]; gives * of float32[1] weak"
    }


def test_a_call_that_gives_other_numbers_but_not_other_rounding() -> None:
    three = np.array([3.0], np.float32)
    near = np.nextafter(three, np.float32(4))
    assert kinds(given("* of float32[1]", three), given("* of float32[1]", near)) == {}
    assert kinds(given("* of float32[1]", three), given("* of float32[1]", three + 1)) == {
        "results-changed": "gave [3.0]; gives [4.0]"
    }


def test_a_call_that_is_refused_now_with_what_it_raises() -> None:
    refused = {"calls/jax.vmap/form": {"type": "TypeError", "line": "no"}}
    found = kinds(given("*"), refused)
    assert found == {"calls-fail": "accepted before; now TypeError: no"}
    assert list(kinds(refused, given("*"))) == ["calls-work"]
    other = {"calls/jax.vmap/form": {"type": "ValueError", "line": "no"}}
    assert list(kinds(refused, other)) == ["errors-changed"]


def test_what_was_looked_at_is_counted() -> None:
    same = {
        "flags/jax/jax_a": "1",
        "draws/normal/float32": draw(1),
        "draws/normal/float16": draw(1),
    }
    found = compared(same, same)
    assert found.looked_at == (("draws", 2), ("flags", 1))
    assert looked_at(found) == "2 draws, 1 flags"
