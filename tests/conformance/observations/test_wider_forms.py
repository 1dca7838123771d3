"""Functions of every dtype and rank, distributions, options of layers, operators: sound ones are right."""

from collections.abc import Callable
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from packaging.version import Version
from scipy import stats

from conformance.observations import (
    calls,
    device_forms,
    every_function,
    layer_option_forms,
    nnx_graph_forms,
    nnx_operator_forms,
    nnx_option_forms,
    protocol_forms,
    rule_forms,
    statistics_functions,
)
from conformance.observations.code_names import names_in
from conformance.observations.record import Absent

LISTS: tuple[tuple[Any, str], ...] = (
    (every_function, "vmapped"),
    (statistics_functions, "vmapped"),
    (protocol_forms, "vmapped"),
    (rule_forms, "vmapped"),
    (device_forms, "shard_mapped"),
    (device_forms, "pmapped"),
    (layer_option_forms, "linen"),
    (layer_option_forms, "nnx"),
    (nnx_operator_forms, "nnx"),
    (nnx_option_forms, "nnx"),
    (nnx_graph_forms, "nnx"),
)


def told(forms: dict[str, Callable[[], Any]], name: str) -> Any:
    try:
        return calls._given(forms[name])
    except Absent as absent:
        pytest.skip(str(absent))


def test_shapes_dtypes_and_weak_types_of_a_map_are_told() -> None:
    forms = every_function.vmapped()
    assert told(forms, "of-bool-numpy.sum")["gives"] == "* of int32[2]"
    assert told(forms, "of-complex64-numpy.abs")["gives"] == "* of float32[2,3]"
    assert told(forms, "of-matrix-numpy.linalg.det")["gives"] == "* of float32[2]"
    assert told(forms, "numpy.sum-dtype-given")["gives"] == "* of bfloat16[2]"
    assert told(forms, "of-matrix-numpy.linalg.qr")["gives"].startswith("namedtuple of float32")
    assert every_function._types(lambda x: 1.0, jnp.ones(2)).weak_type


def test_what_takes_no_such_dtype_is_told_as_refused() -> None:
    assert told(every_function.vmapped(), "of-complex64-numpy.maximum").keys() != {"type", "line"}
    assert told(every_function.vmapped(), "of-number-numpy.sort").keys() == {"type", "line"}


@pytest.mark.parametrize("name", ["packbits", "cumsum", "floor_divide", "gcd", "sort"])
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_values_of_whole_numbers_are_those_of_numpy(name: str, dtype: str) -> None:
    given = [x.astype(dtype) for x in (every_function._WHOLE, every_function._OTHER)]
    count = 2 if name in ("floor_divide", "gcd") else 1
    rows = [getattr(np, name)(*row) for row in zip(*given[:count], strict=True)]
    expected = np.stack(rows).astype(np.int64)
    got = np.asarray(told(every_function.vmapped(), f"whole-{dtype}-numpy.{name}")["values"][0])
    if name == "cumsum":
        got, expected = got.astype(dtype), expected.astype(dtype)
    np.testing.assert_array_equal(got, expected)


def test_distributions_are_those_of_scipy_at_the_edges() -> None:
    forms = statistics_functions.vmapped()
    points = np.array(statistics_functions._INFINITE)
    for name, made in {
        "norm.cdf": stats.norm(0.25, 2).cdf,
        "gamma.cdf": stats.gamma(2.5, 0.25, 2).cdf,
        "expon.logpdf": stats.expon(0.25, 2).logpdf,
    }.items():
        expected = made(points)
        got = told(forms, f"stats.{name}")["values"][0]
        np.testing.assert_allclose(got, expected, 1e-4, 1e-6, err_msg=name)


@pytest.mark.parametrize(("module", "name"), LISTS)
def test_a_form_is_named_by_what_it_looks_up(module: Any, name: str) -> None:
    forms = getattr(module, name)()
    assert len(forms) > 15
    names = {each for form in forms.values() for each in names_in(form)}
    assert names
    assert not {each for each in names if each.startswith("_")}


def test_a_layer_and_its_options_are_named() -> None:
    assert names_in(layer_option_forms.linen()["Conv-circular"]) == {"Conv"}
    assert names_in(layer_option_forms.nnx()["Embed-first-of-1"]) == {"Embed"}
    assert names_in(every_function.vmapped()["of-int32-scipy.linalg.toeplitz"]) == {"toeplitz"}


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, n in LISTS if n in ("linen", "nnx", "shard_mapped")]
)
def test_most_forms_are_accepted(module: Any, name: str) -> None:
    answers = {}
    # Without a mesh Flax refuses what is annotated with its axes, so those say nothing here.
    forms = {k: v for k, v in getattr(module, name)().items() if not k.startswith("annotated-")}
    for each in sorted(forms)[::4]:
        try:
            answers[each] = calls._given(forms[each])
        except Absent:
            continue
    refused = [each for each, fact in answers.items() if "type" in fact]
    assert len(refused) <= len(answers) // 2, refused


def test_an_operator_of_a_mapped_value_is_told() -> None:
    forms = protocol_forms.vmapped()
    assert told(forms, "operator-is-an-array-of-a-number")["values"][0].tolist() == [1, 1]
    assert told(forms, "operator-truth-of-a-number")["type"] == "TracerBoolConversionError"
    assert told(forms, "tree-namedtuple")["gives"].startswith("namedtuple")
    assert told(rule_forms.vmapped(), "own-map-in-jit")["values"][0].tolist() == [1, 4, 9]


def test_nothing_is_left_registered_or_set() -> None:
    before = jax.config.values.copy()
    for form in ("tree-of-a-dataclass-not-told", "tree-with-other-data-by-key"):
        first, again = (told(protocol_forms.vmapped(), form) for _ in range(2))
        assert str(first) == str(again)
    assert jax.config.values == before


def test_layers_that_draw_a_key_when_they_are_made_are_told() -> None:
    forms = nnx_operator_forms.nnx()
    # Flax 0.11 began to fork the streams that these are given.
    forks = int(Version(flax.__version__) >= Version("0.11"))
    for name, parameters in (("Dropout", 0), ("MultiHeadAttention", 8), ("RNN", 0)):
        given = told(forms, f"keys-drawn-by-a-new-{name}")
        assert given["values"] == [parameters + forks]


def test_modules_that_are_added_later_are_counted_as_flax_has_them() -> None:
    forms = nnx_graph_forms.nnx()
    assert told(forms, "added-later-to-own-list") == told(forms, "held-from-the-start-own-list")
    # Since flax 0.12.5 a plain list or dict is what it was when the module was made.
    alike = Version(flax.__version__) < Version("0.12.5")
    for kind in ("a-list", "a-dict"):
        given = told(forms, f"added-later-to-{kind}")
        assert (given == told(forms, "added-later-to-own-list")) == alike
