"""A call is plain data: through JSON and back it is the same; what is no call is one clear error."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import attrs
import hypothesis as h
import msgspec
import numpy as np
import pytest
from hypothesis import strategies as st

from conformance.transforms import TRANSFORMS
from conformance.transforms.linen.vmap import TRANSFORM as LINEN
from conformance.transforms.nnx.vmap import VMAP as NNX
from properties.call import Axes, FunctionCall, ModuleCall
from properties.call_json import (
    MalformedCall,
    StoredCall,
    check_axes,
    check_options,
    from_json,
    to_json,
)
from properties.law import load, stored
from properties.laws import LAWS
from properties.loop_transform import LOOP
from properties.profile import PROFILES
from properties.run_law import run_law
from properties.subjects import SUBJECTS
from tests.properties.affected import raising

LINEAR = FunctionCall("linear", {"batch": 3, "m": 2, "n": 4}, (Axes((None, None, 1), 1),), seed=5)
NORM = ModuleCall(
    "batch-norm",
    {"batch": 3, "length": 2, "m": 4},
    (Axes((0,)),),
    {"params": None, "batch_stats": 0},
    {"params": False},
    key=7,
)
SORT = FunctionCall("sort", {"batch": 2, "m": 3, "n": 2}, (Axes((-1,), 0), Axes((0,), 2)), seed=3)
SIZED = FunctionCall(
    "linear",
    {"batch": 3, "m": 2, "n": 4},
    (Axes((0, 0, 0)), Axes((None, None, None), options={"axis_size": 3})),
)
DROPOUT = ModuleCall(
    "dropout",
    {"batch": 3, "m": 2},
    (Axes((0,)),),
    {},
    {"params": False, "dropout": True},
    options={"axis_size": 3},
)
CALLS = [LINEAR, NORM, SORT, SIZED, DROPOUT]


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.id)
def test_every_call_drawn_survives_json(law: Any) -> None:
    transform = attrs.evolve(
        LOOP,
        name=law.only_transform or LOOP.name,
        kinds=law.kinds,
        variants=lambda call: {**NNX.variants(call), **LINEN.variants(call)},
    )
    seen = []

    def survives(_: Any, call: Any) -> None:
        again = from_json(json.loads(json.dumps(to_json(call), allow_nan=False)))
        assert again == call
        assert repr(again) == repr(call)
        case = json.loads(json.dumps(stored(law.id, transform.name, call)))
        assert load(case) == (law.id, transform.name, call)
        seen.append(call)

    for subject in SUBJECTS.values():
        applies = law.applies_to(transform, subject) and subject.name not in raising()
        if applies and not law.skip_reason(transform, subject):
            run_law(
                attrs.evolve(law, check=survives, tier="standard"),
                transform,
                subject,
                PROFILES["quick"],
            )
    # No subject of the catalogue says that it takes a whole batch.
    assert len(seen) >= 2 or law.id.endswith(".whole-batch")


@pytest.mark.parametrize("call", [LINEAR, NORM], ids=["function", "module"])
def test_arrays_are_the_same_bits_after_json(call: Any) -> None:
    again = from_json(json.loads(json.dumps(to_json(call))))
    for one, other in zip(
        call.batch_first(call.axes[0]), again.batch_first(again.axes[0]), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"subject_name": "no-such"}, "no-such"),
        ({"kind": "no-such"}, "no-such"),
    ],
)
def test_an_unknown_subject_or_kind_is_named(change: dict[str, str], error: str) -> None:
    with pytest.raises(MalformedCall, match=error):
        from_json({**to_json(LINEAR), **change})


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(MalformedCall, match="no_such"):
        from_json({**to_json(LINEAR), "no_such": 1})


def changed(call: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The JSON of a call with one value replaced; left out where the value is `...`."""
    data = json.loads(json.dumps(to_json(call)))
    *parents, last = path
    at = data
    for step in parents:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return data


@pytest.mark.parametrize(
    ("call", "path", "value", "message"),
    [
        (LINEAR, ("kind",), ..., "missing required field `kind`"),
        (LINEAR, ("kind",), "class", "Invalid value 'class' - at `$.kind`"),
        (LINEAR, ("kind",), "module", "unknown field `special`"),
        (LINEAR, ("subject_name",), ..., "missing required field `subject_name`"),
        (LINEAR, ("subject_name",), 3, "Expected `str`, got `int` - at `$.subject_name`"),
        (LINEAR, ("subject_name",), "dense", "dense is a module - at `$.kind`"),
        (LINEAR, ("sizes",), [3], "got `array` - at `$.sizes`"),
        (LINEAR, ("sizes", "m"), "2", "Expected `int`, got `str` - at `$.sizes[...]`"),
        (LINEAR, ("sizes", "m"), 2.5, "Expected `int`, got `float` - at `$.sizes[...]`"),
        (LINEAR, ("sizes", "m"), True, "Expected `int`, got `bool` - at `$.sizes[...]`"),
        (LINEAR, ("sizes", "m"), -2, "Expected `int` >= 0 - at `$.sizes[...]`"),
        (NORM, ("sizes", "m"), 0, "size of 1 or more - at `$.sizes.m`"),
        (LINEAR, ("sizes", "m"), ..., "has a dimension 'm', which the sizes lack - at `$.sizes`"),
        (LINEAR, ("sizes", "m"), 4_000_000, "more than 4194304 elements - at `$.sizes`"),
        (LINEAR, ("sizes", "m"), 10**30, "at `$.sizes[...]`"),
        (NORM, ("sizes", "batch"), 0, "size of 1 or more - at `$.sizes.batch`"),
        (LINEAR, ("axes",), [], "Expected `array` of length >= 1 - at `$.axes`"),
        (LINEAR, ("axes",), {}, "Expected `array`, got `object` - at `$.axes`"),
        (LINEAR, ("axes", 0), None, "got `null` - at `$.axes[0]`"),
        (LINEAR, ("axes", 0, "more"), 1, "unknown field `more` - at `$.axes[0]`"),
        (LINEAR, ("axes", 0, "in_axes"), [0], "3 arguments, not 1 - at `$.axes[0].in_axes`"),
        (LINEAR, ("axes", 0, "in_axes", 1), "0", "at `$.axes[0].in_axes[1]`"),
        (LINEAR, ("axes", 0, "in_axes", 1), [[[0]]], "at `$.axes[0].in_axes[1]`"),
        (LINEAR, ("axes", 0, "in_axes", 1), 10**9, "at `$.axes[0].in_axes[1]`"),
        (LINEAR, ("axes", 0, "name"), 3, "at `$.axes[0].name`"),
        (LINEAR, ("axes", 0, "options"), [["axis_size"]], "at `$.axes[0].options[0]`"),
        (LINEAR, ("dtype",), "float33", "'float33' is not one of float32"),
        (LINEAR, ("dtype",), None, "at `$.dtype`"),
        (LINEAR, ("seed",), -1, "at `$.seed`"),
        (LINEAR, ("seed",), 2**31, "at `$.seed`"),
        (LINEAR, ("seed",), 10**40, "at `$.seed`"),
        (LINEAR, ("seed",), float("nan"), "at `$.seed`"),
        (LINEAR, ("special",), 1, "Expected `bool`, got `int` - at `$.special`"),
        (LINEAR, ("edge_values",), True, "unknown field `edge_values`"),
        (NORM, ("variable_axes", "params"), ..., "'params' has no axis - at `$.variable_axes`"),
        (NORM, ("variable_axes",), None, "at `$.variable_axes`"),
        (NORM, ("split_rngs", "noise"), True, "no stream 'noise' - at `$.split_rngs`"),
        (NORM, ("split_rngs", "params"), "no", "at `$.split_rngs[...]`"),
        (NORM, ("options",), 3, "at `$.options`"),
        (NORM, ("key",), 2**40, "at `$.key`"),
    ],
)
def test_a_malformed_call_is_one_sentence_with_the_path_of_the_wrong_field(
    call: Any, path: tuple[Any, ...], value: Any, message: str
) -> None:
    with pytest.raises(MalformedCall) as caught:
        from_json(changed(call, path, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, 3, "call", [], {}, [to_json(LINEAR)], {"kind": None}])
def test_what_is_no_call_at_all_is_malformed(data: Any) -> None:
    with pytest.raises(MalformedCall):
        from_json(data)


def test_a_deep_call_is_malformed() -> None:
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    for path in (("axes", 0, "in_axes"), ("sizes",), ("subject_name",)):
        with pytest.raises(MalformedCall):
            from_json(changed(LINEAR, path, deep))


@pytest.mark.parametrize(
    ("call", "path", "value", "message"),
    [
        (
            LINEAR,
            ("axes", 0, "in_axes", 2),
            2,
            "no axis 2: it has 2 axes - at `$.axes[0].in_axes[2]`",
        ),
        (LINEAR, ("axes", 0, "in_axes", 2), -3, "at `$.axes[0].in_axes[2]`"),
        (LINEAR, ("axes", 0, "in_axes", 2), None, "no argument is mapped - at `$.axes[0].in_axes`"),
        (LINEAR, ("axes", 0, "out_axes"), 2, "at `$.axes[0].out_axes`"),
        (LINEAR, ("axes", 0, "out_axes"), -3, "at `$.axes[0].out_axes`"),
        (LINEAR, ("axes", 0, "out_axes"), None, "at `$.axes[0].out_axes`"),
        (NORM, ("variable_axes", "batch_stats"), 2, "at `$.variable_axes.batch_stats`"),
        (NORM, ("variable_axes", "params"), -3, "at `$.variable_axes.params`"),
    ],
)
def test_an_axis_that_no_array_has_is_malformed_but_in_a_law_about_errors(
    call: Any, path: tuple[Any, ...], value: Any, message: str
) -> None:
    data = changed(call, path, value)
    wrong = from_json(data)
    with pytest.raises(MalformedCall) as caught:
        check_axes(wrong)
    assert message in str(caught.value)
    with pytest.raises(MalformedCall):
        load({"law": "mapping.equals-per-example", "transform": "jax.vmap", "call": data})
    assert load({"law": "errors.keywords", "transform": "jax.vmap", "call": data})[2] == wrong


def test_an_option_that_the_transform_does_not_have_is_malformed() -> None:
    for call, transform in ((DROPOUT, LINEN), (SIZED, TRANSFORMS["jax.vmap"])):
        check_options(from_json(to_json(call)), transform)
    for call, transform in (
        (attrs.evolve(NORM, options={"axis_size": 4}), LINEN),
        (attrs.evolve(NORM, options={"no": 1}), NNX),
    ):
        with pytest.raises(MalformedCall, match=r"has no options .* - at `\$.options`"):
            check_options(call, transform)
    odd = attrs.evolve(LINEAR, axes=(Axes((0, 0, 0), options={"no": 1}),))
    with pytest.raises(MalformedCall, match=r"unknown option 'no' - at `\$.axes\[0\].options`"):
        check_options(odd, TRANSFORMS["jax.vmap"])


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in JSON data, with each of its keys or indices."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], dict | list):
            yield from places(data[key])


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-20, 20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["float32", "function", "module", "linear", "axis_size", "batch", "m"]),
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@h.settings(max_examples=400, deadline=None)
@h.given(st.sampled_from(CALLS), st.data())
def test_an_edited_call_is_a_call_or_the_one_documented_error(
    call: Any, data: st.DataObject
) -> None:
    edited = copy.deepcopy(json.loads(json.dumps(to_json(call))))
    for _ in range(data.draw(st.integers(1, 3))):
        parent, key = data.draw(st.sampled_from(list(places(edited))))
        if data.draw(st.booleans()):
            parent[key] = data.draw(ANY_JSON)
        elif isinstance(parent, dict) and data.draw(st.booleans()):
            parent[data.draw(st.text(max_size=4))] = parent.pop(key)
        else:
            del parent[key]
    try:
        decoded = from_json(edited)
        check_axes(decoded)
    except MalformedCall:
        return
    assert from_json(json.loads(json.dumps(to_json(decoded)))) == decoded
    for axes in decoded.axes:
        decoded.batch_first(axes)
        (decoded.arguments if isinstance(decoded, FunctionCall) else decoded.inputs)(axes)


def test_the_schema_names_the_fields_on_the_wire() -> None:
    definitions = msgspec.json.schema(StoredCall)["$defs"]
    fields = {name: set(each["properties"]) for name, each in definitions.items()}
    assert fields["StoredFunctionCall"] == set(to_json(LINEAR))
    assert fields["StoredModuleCall"] == set(to_json(NORM))
