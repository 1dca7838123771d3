"""Calls of single functions without a map: each tells the function that it is about."""

from conformance.observations import calls, plain_calls
from conformance.observations.code_names import function_given, is_made_of


def test_each_call_is_about_the_function_that_its_key_names() -> None:
    for key, call in plain_calls.plain().items():
        told = function_given(call)
        assert told is not None
        assert key.startswith(f"plain-{told[0].removeprefix('jax.')}-")
        assert is_made_of(call, [told[0], *told[1]])


def test_what_a_release_refuses_of_a_call_is_recorded_and_so_is_what_it_gives() -> None:
    forms = plain_calls.plain()
    assert calls._given(forms["plain-numpy.array-none"])["type"] == "ValueError"
    assert calls._given(forms["plain-numpy.array-list"])["gives"] == "* of float32[1,2]"
    assert calls._given(forms["plain-scipy.stats.rankdata-min"])["gives"].startswith("* of ")


def test_a_call_of_a_rare_function_is_made_only_for_who_uses_it() -> None:
    call = plain_calls.plain()["plain-scipy.fft.dctn-s"]
    assert is_made_of(call, ["jax.scipy.fft.dctn"])
    assert not is_made_of(call, ["jax.numpy.cov"])


def test_what_objects_are_is_recorded_in_words() -> None:
    forms = plain_calls.plain()
    said = {
        key: calls._given(forms[f"plain-{key}"])["values"]
        for key in ("vjp-of-float64", "Array-class-of-a-tracer")
    }
    assert said["vjp-of-float64"] in (["float32"], ["float64"])
    assert said["Array-class-of-a-tracer"][0].startswith("a class of arrays: ")
    text = forms["plain-lax.with_sharding_constraint-as-lowered-text"]
    assert calls._given(text)["values"][0].startswith("names mhlo.sharding: ")
    assert calls._given(forms["plain-numpy.trim_zeros-matrix"])["gives"].endswith(",2]")
