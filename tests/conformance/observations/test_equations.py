"""Equations of common functions are told in words, and made for any code that traces functions."""

from conformance.observations import calls
from conformance.observations.code_names import is_made_of
from conformance.observations.equations import equations


def test_each_equation_is_told_with_its_primitive_and_parameters() -> None:
    said = {key.rpartition("-of-")[2]: calls._given(call) for key, call in equations().items()}
    words = {name: value["values"] for name, value in said.items()}
    assert words["elementwise-product"][0].startswith("mul(")
    assert words["square"] in (["integer_pow(y)"], ["square()"])
    assert words["sum"][0].startswith("reduce_sum(axes")
    assert words["loop"][0].startswith("scan(")
    assert all(len(value) == 1 for value in words.values())


def test_only_who_uses_a_loop_is_told_of_its_equation() -> None:
    made = equations()
    assert is_made_of(made["plain-make_jaxpr-equation-of-square"], ["jax.make_jaxpr"])
    assert not is_made_of(made["plain-make_jaxpr-equation-of-loop"], ["jax.make_jaxpr"])
    assert is_made_of(made["plain-make_jaxpr-equation-of-loop"], ["jax.lax.scan"])
