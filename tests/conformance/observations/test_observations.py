"""Observations of the installed release: all there, the same twice, and a lack is a fact, not a crash."""

import functools
import json
import types
import warnings
from collections.abc import Iterator
from typing import Any

import attrs
import jax
import numpy as np
import pytest

from conformance.events.arrays import decode, encode
from conformance.observations import (
    GROUPS,
    PARTS,
    cases,
    names,
    parameters,
    prng,
    record,
    signatures,
    warned,
)
from conformance.observations.jaxprs import counted
from conformance.observations.selection import Selection
from properties.subjects import FUNCTIONS, MODULES

UNSWEPT = Selection(sweeps=False)
"""The sweeps of functions have tests of their own, in test_wider_forms.py."""


@functools.cache
def observed(group: str) -> list[tuple[str, Any]]:
    return list(GROUPS[group](UNSWEPT))


def facts(group: str) -> dict[str, Any]:
    return dict(observed(group))


SMALL = [group for group in GROUPS if group not in PARTS]
FIXED = [group for group in SMALL if group != "signatures"]
"""What is observed though the user has no sources."""


@pytest.mark.parametrize(
    ("group", "part"),
    [(group, (n + 1, parts)) for group, parts in PARTS.items() for n in range(parts)],
)
def test_a_part_gives_the_same_facts_a_second_time(group: str, part: tuple[int, int]) -> None:
    chosen = attrs.evolve(UNSWEPT, part=part)
    found, again = ([(k, encode(v)) for k, v in GROUPS[group](chosen)] for _ in range(2))
    assert again == found
    keys = [key for key, _ in found]
    assert len(keys) == len(set(keys)) > 10
    assert {key.split("/")[0] for key in keys} == {group}
    for key, written in found:
        read = json.loads(json.dumps(written, allow_nan=False))
        assert encode(decode(read)) == written, key
        assert not (isinstance(read, dict) and "error" in read), key


@pytest.mark.parametrize("group", FIXED)
def test_a_group_gives_facts_under_keys_of_its_own(group: str) -> None:
    keys = [key for key, _ in observed(group)]
    assert len(keys) > 10
    assert len(keys) == len(set(keys))
    first_words = {key.split("/")[0] for key in keys}
    assert first_words == ({group, "gradients"} if group == "outputs" else {group})


@pytest.mark.parametrize("group", SMALL)
def test_facts_go_through_json_and_back(group: str) -> None:
    for key, value in observed(group):
        written = encode(value)
        again = json.loads(json.dumps(written, allow_nan=False))
        assert encode(decode(again)) == written, key


@pytest.mark.parametrize("group", [group for group in SMALL if group != "costs"])
def test_a_second_time_gives_the_same(group: str) -> None:
    again = [(key, encode(value)) for key, value in GROUPS[group](UNSWEPT)]
    assert again == [(key, encode(value)) for key, value in observed(group)]


@pytest.mark.parametrize("group", [group for group in SMALL if group != "warnings"])
def test_no_case_fails_on_the_installed_release(group: str) -> None:
    failed = {k: v for k, v in observed(group) if isinstance(v, dict) and "error" in v}
    # Of common calls some do fail in some releases: that is what is observed there.
    assert failed == {}


def test_every_module_is_observed_shared_and_as_an_ensemble() -> None:
    trees = {key for key, _ in observed("parameters") if key.endswith("/tree")}
    wanted = {
        f"parameters/flax.linen.vmap/{subject.name}/{way}/tree"
        for subject in MODULES
        for way in ("shared", "ensemble")
    }
    assert wanted <= trees


def test_every_function_has_an_output_within_its_bound() -> None:
    for subject in FUNCTIONS:
        leaf = facts("outputs")[f"outputs/jax.vmap/{subject.name}"]
        assert leaf["agrees"] is True
        assert leaf["bound"].shape == leaf["value"].shape
        assert bool(np.any(leaf["bound"])) is not (subject.exact or leaf["value"].dtype.kind == "i")


def test_gradients_have_bounds() -> None:
    gradients = {k: v for k, v in observed("outputs") if k.startswith("gradients/")}
    assert {key.split("/")[2] for key in gradients} == {s.name for s in FUNCTIONS if not s.exact}
    assert all(leaf["agrees"] is True for leaf in gradients.values())


def test_outputs_do_not_depend_on_what_modules_draw_but_dropout_does() -> None:
    keyed = {key for key, leaf in observed("outputs") if leaf["keyed"]}
    assert {key.split("/")[2] for key in keyed} == {"dropout", "noisy-dense"}


def test_a_parameter_that_is_drawn_says_so() -> None:
    start = "parameters/flax.linen.vmap/dense/shared"
    assert facts("parameters")[f"{start}/tree"] == {
        "params/bias": "float32[5]",
        "params/kernel": "float32[4,5]",
    }
    kernel, bias = (facts("parameters")[f"{start}/params/{name}"] for name in ("kernel", "bias"))
    assert (kernel["keyed"], bias["keyed"]) == (True, False)
    assert kernel["agrees"] is bias["agrees"] is True
    assert not np.any(bias["value"])


def test_draws_are_those_of_the_installed_prng() -> None:
    drawn = facts("prng")
    for name in prng.IMPLEMENTATIONS:
        key = jax.random.key(cases.KEY, impl=name)
        np.testing.assert_array_equal(
            drawn[f"prng/{name}/bits/uint32"], jax.random.bits(key, (3, 5))
        )
        split = jax.random.key_data(jax.random.split(key, 3))
        np.testing.assert_array_equal(drawn[f"prng/{name}/split"], split)
    assert not np.array_equal(drawn["prng/rbg/bits/uint32"], drawn["prng/threefry2x32/bits/uint32"])


@pytest.mark.parametrize(
    "name", ["jax.no_such_name", "jax.numpy.no_such.deeper", "no_such_module.x"]
)
def test_a_missing_name_is_absent_with_its_reason(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "NAMES", (name, "jax.vmap"))
    seen = dict(names.observe())
    assert seen["names/jax.vmap"] is True
    assert set(seen[f"names/{name}"]) == {"absent", "name"}
    assert seen[f"names/{name}"]["name"] == name
    assert "no_such" in seen[f"names/{name}"]["absent"]
    assert dict(warned.observe())[f"warnings/names/{name}"] == seen[f"names/{name}"]


def test_what_has_been_there_for_all_releases_is_there() -> None:
    seen = facts("names")
    for name in ("jax.vmap", "jax.tree_util.tree_map", "flax.linen.vmap", "jax.random.PRNGKey"):
        assert seen[f"names/{name}"] is True
    assert "absent" in seen["names/jax.tree_multimap"]


def test_a_warning_is_heard_though_it_was_given_before() -> None:
    def warn() -> None:
        import warnings

        warnings.warn("soon gone\nand more", DeprecationWarning, stacklevel=1)

    heard = [{"category": "DeprecationWarning", "line": "soon gone"}]
    assert warned._heard(lambda: (warn(), warn())) == heard
    assert warned._heard(warn) == heard


def test_calls_that_must_fail_do() -> None:
    seen = facts("errors")
    for misuse in ("sizes-disagree", "nothing-mapped", "mapped-scalar", "axis-out-of-range"):
        assert set(seen[f"errors/jax.vmap/{misuse}"]) == {"type", "line"}
    missing = seen["errors/flax.linen.vmap/stream-missing-in-split-rngs"]
    assert missing["type"] == "InvalidRngError"


def test_one_failure_leaves_the_other_keys_alone() -> None:
    def case(value: str) -> Any:
        if value == "bad":
            raise ValueError(f"not {object()!r} in /some/where/file.py\nsecond line")
        if value == "lacking":
            raise record.Absent("it takes two devices")
        return value

    def observe() -> Iterator[record.Observation]:
        for value in ("good", "bad", "lacking"):
            yield from record.one(f"group/{value}", functools.partial(case, value))

    assert dict(observe()) == {
        "group/good": "good",
        "group/bad": {
            "error": {"type": "ValueError", "line": "not <object object at 0x...> in file.py"}
        },
        "group/lacking": {"absent": "it takes two devices"},
    }


def test_a_case_of_many_facts_fails_as_one() -> None:
    def broken() -> Any:
        raise KeyError("x")

    assert dict(record.many("g/case", lambda: {"a": 1, "": 2})) == {"g/case/a": 1, "g/case": 2}
    assert list(record.many("g/case", broken)) == [
        ("g/case", {"error": {"type": "KeyError", "line": "'x'"}})
    ]


def test_primitives_of_inner_jaxprs_count() -> None:
    def function(x: Any) -> Any:
        return jax.lax.cond(x > 0, jax.lax.sin, jax.lax.cos, jax.lax.exp(x))

    found = counted(function, 1.0)["primitives"]
    assert (found["sin"], found["cos"], found["exp"]) == (1, 1, 1)
    assert counted(function, 1.0)["count"] == sum(found.values())


def test_costs_are_ratios_with_their_spread() -> None:
    kinds = set()
    for key, cost in observed("costs"):
        assert 0 < cost["least"] <= cost["ratio"] <= cost["most"]
        kinds.add(key.split("/")[1])
    assert kinds == {"trace", "compile", "run", "eager"}


def test_paths_name_every_kind_of_step() -> None:
    tree = {"params": [1, (2, 3)]}
    assert parameters.by_path(tree) == {"params/0": 1, "params/1/0": 2, "params/1/1": 3}


def test_names_of_the_users_are_observed_beside_the_list() -> None:
    chosen = Selection(names=["jax.numpy.clip", "jax.numpy.no_such", "jax.vmap"])
    seen = dict(names.observe(chosen))
    assert seen["names/jax.numpy.no_such"]["name"] == "jax.numpy.no_such"
    assert len([key for key in seen if key == "names/jax.vmap"]) == 1
    assert "warnings/names/jax.numpy.no_such" in dict(warned.observe(chosen))
    found = dict(signatures.observe(chosen))
    assert "min" in found["signatures/jax.numpy.clip"]["keywords"]
    assert "absent" in found["signatures/jax.numpy.no_such"]


def test_signatures_say_whether_any_keyword_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(first: Any, /, second: Any, *, third: Any, **others: Any) -> None: ...

    monkeypatch.setattr(signatures, "needed", lambda name: function)
    assert dict(signatures.observe(Selection(names=["jax.f"]))) == {
        "signatures/jax.f": {
            "keywords": ["second", "third"],
            "any": True,
            "positional": ["first", "second"],
            "more": False,
            "required": ["first", "second", "third"],
        }
    }
    monkeypatch.setattr(signatures, "needed", lambda name: 3)
    assert dict(signatures.observe(Selection(names=["jax.f"]))) == {}


def test_an_argument_that_only_raises_that_it_was_removed_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class DeprecatedArg: ...

    nothing = DeprecatedArg()

    def function(x: Any, mode: Any = nothing, method: Any = nothing) -> Any:
        if mode is not nothing:
            raise TypeError("the argument mode was removed; use method")
        return x

    monkeypatch.setattr(signatures, "needed", lambda name: function)
    found = dict(signatures.observe(Selection(names=["jax.f"])))["signatures/jax.f"]
    assert (found["keywords"], found["positional"]) == (["method", "x"], ["x", "method"])


def test_the_object_of_a_method_is_no_argument() -> None:
    found = dict(signatures.observe(Selection(names=["flax.nnx.Optimizer.update"])))
    assert "self" not in found["signatures/flax.nnx.Optimizer.update"]["positional"]


def test_only_chosen_subjects_and_transforms_are_observed() -> None:
    chosen = Selection(subjects=["sof*", "dense"], transforms=["jax.vmap"])
    keys = {
        key
        for group in ("parameters", "outputs", "errors", "jaxprs", "costs")
        for key, _ in GROUPS[group](chosen)
    }
    assert any(key.startswith("outputs/jax.vmap/softmax") for key in keys)
    assert {key.split("/")[2 if key.startswith("costs") else 1] for key in keys} == {"jax.vmap"}
    subjects = {key.split("/")[2] for key in keys if key.startswith(("outputs", "jaxprs"))}
    assert subjects == {"softmax"}
    assert list(parameters.observe(Selection(transforms=["jax.vmap"]))) == []


def test_a_deprecated_name_warns_however_often_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("jax.old")

    @functools.cache  # as JAX's modules do
    def of_module(name: str) -> int:
        if name != "gone_soon":
            raise AttributeError(name)
        warnings.warn("jax.old.gone_soon is deprecated.", DeprecationWarning, stacklevel=2)
        return 1

    vars(module)["__getattr__"] = of_module
    monkeypatch.setattr(jax, "old", module, raising=False)
    heard = [list(warned.of_name("jax.old.gone_soon")) for _ in range(2)]
    said = [{"category": "DeprecationWarning", "line": "jax.old.gone_soon is deprecated."}]
    assert heard == [[("warnings/names/jax.old.gone_soon", said)]] * 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("got [frozenset({'outer', 'inner'})]", "got [frozenset({'inner', 'outer'})]"),
        ("one of {'b', 'a', 'c'}, not 'd'", "one of {'a', 'b', 'c'}, not 'd'"),
        ("the tree {'b': 1, 'a': 2}", "the tree {'b': 1, 'a': 2}"),
        ("only {'b'}", "only {'b'}"),
    ],
)
def test_a_set_of_words_in_an_error_is_written_in_order(said: str, kept: str) -> None:
    assert record.first_line(ValueError(said)) == kept
