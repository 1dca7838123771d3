"""What an upgrade means for the user's own code, over logs written by hand."""

from typing import Any

import msgspec
import numpy as np
import pytest

from conformance.events.user_code import MODULE, SubjectError, Unreadable, Use, UserSubject
from conformance.upgrade.compare import compare
from conformance.upgrade.for_you import for_you
from tests.conformance.upgrade.events import drawing
from tests.conformance.upgrade.user_sides import found, lines, near, side

FIX = Use(file="physics.py", line=35, name="jax.numpy.fix")
GONE = {"absent": "removed in JAX v0.10.0; use jax.numpy.trunc instead.", "name": "jax.numpy.fix"}

FINE = UserSubject(module="mymodel.subjects", error=None)


def broken(type: str = "AttributeError", line: str = "jax.numpy.fix was removed") -> UserSubject:
    return UserSubject(module="mymodel.subjects", error=SubjectError(type=type, line=line))


def test_without_code_of_the_users_there_is_no_such_part() -> None:
    both = side({}, {"names/jax.numpy.fix": True})
    assert for_you(both, both, compare(both, both)) is None


def test_a_removed_name_is_told_where_it_is_used_and_explains_a_subject() -> None:
    before = side({"legacy": FINE, "other": FINE}, {"names/jax.numpy.fix": True}, uses=(FIX,))
    after = side({"legacy": broken(), "other": FINE}, {"names/jax.numpy.fix": GONE})
    mine = found(before, after)
    assert mine.title == "mymodel, 2 subjects, 1 file"
    assert lines(mine) == [
        (
            "physics.py:35",
            "jax.numpy.fix",
            "gone since jax 0.10.0 (2026-04-16): use jax.numpy.trunc",
        ),
        ("legacy", "", "ran before, now AttributeError (follows from the above)"),
    ]
    assert mine.things_to_do == 1
    assert mine.fine == ("1 subject: the same laws hold; no values to compare",)
    assert "names/jax.numpy.fix" in mine.keys


def test_a_removed_name_that_nobody_uses_is_not_the_users() -> None:
    other = Use(file="physics.py", line=1, name="jax.numpy.sin")
    before = side({}, {"names/jax.numpy.fix": True, "names/jax.numpy.sin": True}, uses=(other,))
    after = side({}, {"names/jax.numpy.fix": GONE, "names/jax.numpy.sin": True})
    mine = found(before, after)
    assert (lines(mine), mine.things_to_do, mine.keys) == ([], 0, frozenset())


def test_uses_of_a_name_in_a_file_are_one_line() -> None:
    uses = tuple(Use(file="a.py", line=n, name="jax.numpy.fix") for n in range(1, 9))
    before = side({}, {"names/jax.numpy.fix": True}, uses=uses)
    (line,) = found(before, side({}, {"names/jax.numpy.fix": GONE})).work
    assert line.where == "a.py:1, 2, 3, 4, 5 and 3 more lines"


def test_a_keyword_that_is_not_taken_any_more() -> None:
    use = Use(file="a.py", line=7, name="jax.lax.of_old", keywords=("a_min", "x"))
    key = "signatures/jax.lax.of_old"
    before = side({}, {key: {"keywords": ["x", "a_min"], "any": False}}, uses=(use,))
    after = side({}, {key: {"keywords": ["x", "min"], "any": False}})
    (line,) = found(before, after).work
    assert (line.where, line.sentence) == ("a.py:7", "takes no a_min= any more; new: min")
    for no_other_name in ("_min", "graph"):
        after = side({}, {key: {"keywords": ["x", no_other_name], "any": False}})
        (line,) = found(before, after).work
        assert line.sentence == "takes no a_min= any more"
    by_position = side({}, {key: {"keywords": ["x"], "positional": ["a_min"], "any": False}})
    (line,) = found(before, by_position).work
    assert line.sentence == "takes no a_min= any more: give it by position"
    anything = side({}, {key: {"keywords": [], "any": True}})
    assert found(before, anything).work == ()


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ([], ["f is deprecated. Use g instead."], "deprecated now: use g"),
        ([], ["jax.numpy.fix is deprecated."], "deprecated now"),
        ([], ["f is deprecated."], "deprecated now: f is deprecated."),
        (["old words"], ["Use g."], "still deprecated, in other words: use g"),
        (["same"], ["same"], None),
        (["same"], [], None),
    ],
)
def test_a_deprecation_of_a_name_that_is_used(
    was: list[str], now: list[str], said: str | None
) -> None:
    def warned(lines: list[str]) -> list[dict[str, str]]:
        return [{"category": "DeprecationWarning", "line": line} for line in lines]

    key = "warnings/names/jax.numpy.fix"
    mine = found(side({}, {key: warned(was)}, uses=(FIX,)), side({}, {key: warned(now)}))
    assert [line.sentence for line in mine.know] == ([said] if said else [])
    assert mine.work == ()


def test_a_module_that_cannot_be_imported_any_more_is_one_thing_to_do() -> None:
    error = broken("ImportError", "cannot import name 'x' from 'jax' (/somewhere/jax/__init__.py)")
    mine = found(side({"a": FINE, "b": FINE}, {}), side({f"mymodel.subjects{MODULE}": error}, {}))
    assert lines(mine) == [
        (
            "mymodel.subjects",
            "",
            (
                "2 subjects ran before, now the import fails with ImportError: cannot import name 'x' "
                "from 'jax'"
            ),
        )
    ]
    assert (mine.things_to_do, mine.fine) == (1, ())


def test_a_subject_that_works_now_and_one_that_never_did() -> None:
    was = {"a": broken("TypeError", "no"), "b": broken("TypeError", "no")}
    mine = found(side(was, {}), side({"a": FINE, "b": was["b"]}, {}))
    assert [line.sentence for line in mine.know] == ["can be made now; before, TypeError: no"]
    assert [line.sentence for line in mine.work] == ["cannot be made in either: TypeError: no"]
    assert mine.things_to_do == 1


def test_a_subject_whose_module_cannot_be_imported_any_more_is_not_called_repaired() -> None:
    now = side({f"mymodel.subjects{MODULE}": broken("ImportError", "no Jaxpr")}, {})
    mine = found(side({"mine": FINE, "old": broken()}, {}), now)
    assert lines(mine)[1:] == [
        ("old", "", "cannot be made before either: AttributeError: jax.numpy.fix was removed")
    ]
    assert mine.know == ()


def test_what_a_subject_gave_that_cannot_be_made_now_is_no_difference_of_values() -> None:
    values = {"outputs/jax.vmap/old": leaf(1.0, 1e-6), "outputs/jax.vmap/fine": leaf(1.0, 1e-6)}
    fine = {"outputs/jax.vmap/fine": leaf(1.0, 1e-6)}
    before = side({"fine": FINE, "old": FINE}, values)
    for now in ({"fine": FINE, "old": broken()}, {f"mymodel.subjects{MODULE}": broken()}):
        after = side(now, fine)
        assert compare(before, after).entries == ()
        assert [line.follows for line in found(before, after).work] == [False]
    # The control: one that can be made and gives nothing.
    assert compare(before, side({"fine": FINE, "old": FINE}, fine)).entries


def test_a_leaf_that_is_gone_is_named() -> None:
    key = "outputs/flax.nnx.vmap/mine/updated/rngs/key"
    was = {key: leaf(1.0, None), "outputs/jax.vmap/x": leaf(1.0, None)}
    mine = found(side({"mine": FINE}, was), side({"mine": FINE}, {"outputs/jax.vmap/x": was[key]}))
    assert lines(mine) == [
        ("mine", "outputs", "the leaf updated/rngs/key is gone: it was float32[1]")
    ]


def leaf(value: float, bound: float | None) -> dict[str, Any]:
    return {
        "value": np.float32([value]),
        "bound": None if bound is None else np.float64([bound]),
        "keyed": False,
        "agrees": None,
    }


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (leaf(1, 1e-3), leaf(1, 1e-3), "values equal to the bit"),
        (leaf(1, None), leaf(1, None), "values equal to the bit"),
        (
            leaf(1, 0.5),
            leaf(1.5, 0.5),
            "values equal within rounding (largest 50 % of the bound)",
        ),
        (
            leaf(1, None),
            leaf(1.5, None),
            "values equal within rounding (largest 0 % of the bound); 1 value without a bound differ",
        ),
    ],
)
def test_values_of_a_sound_subject(was: Any, now: Any, said: str) -> None:
    key = "outputs/jax.vmap/mine"
    mine = found(side({"mine": FINE}, {key: was}), side({"mine": FINE}, {key: now}))
    assert mine.work == ()
    assert mine.fine == (f"1 subject: the same laws hold; {said}",)


def test_a_value_beyond_its_bound_is_a_thing_to_do() -> None:
    key = "outputs/jax.vmap/mine/output"
    old, new = side({"mine": FINE}, {key: leaf(1, 0.1)}), side({"mine": FINE}, {key: leaf(2, 0.1)})
    mine = found(old, new)
    ((where, what, said),) = lines(mine)
    assert (where, what, mine.things_to_do, mine.fine) == ("mine", "outputs", 1, ())
    assert "5 times what rounding allows" in said


def test_other_draws_from_the_same_keys_are_one_thing_to_do() -> None:
    bits, drawn, other = (
        "prng/threefry2x32/bits",
        "outputs/jax.vmap/noisy",
        "outputs/jax.vmap/plain",
    )
    jaxpr = {"jaxprs/jax.vmap/noisy": {"count": 1, "primitives": {"random_bits": 1}}}
    both = {other: leaf(1, 0.1), **jaxpr}
    old = {**both, bits: leaf(1, None), drawn: {**leaf(1, 0.1), "agrees": True}}
    new = {**both, bits: leaf(2, None), drawn: {**leaf(9, 0.1), "agrees": True}}
    subjects = {"noisy": FINE, "plain": FINE}
    mine = found(drawing(side(subjects, old), False), drawing(side(subjects, new), True))
    ((where, what, said),) = lines(mine)
    assert (where, what, mine.things_to_do) == ("noisy", "", 1)
    assert said.startswith("the same keys give other numbers (threefry2x32). JAX's default of")
    assert "'jax_threefry_partitionable', False" in said
    # Of the other subject nothing changed, and the stream is said once.
    assert mine.fine == ("1 subject: the same laws hold; values equal to the bit",)
    assert "prng/threefry2x32" in mine.keys


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("jax.random.split", "jax.numpy.sin"), True),
        (("flax.nnx.Rngs",), True),
        (("jax.random.key", "jax.random.fold_in"), False),
        (("jax.random.key", "flax.linen.Dense"), True),
        (("jax.numpy.sin",), False),
        (("jax.random.split", "jax.config.jax_threefry_partitionable"), False),
    ],
)
def test_sources_that_draw_are_told_of_other_draws_from_the_same_keys(
    names: tuple[str, ...], told: bool
) -> None:
    uses = tuple(Use(file="a.py", line=3, name=name) for name in names)
    keys = "prng/threefry2x32/bits", "prng/philox2x32/bits"
    old, new = (side({}, dict.fromkeys(keys, leaf(n, None)), uses=uses) for n in (1, 2))
    mine = found(drawing(old, False), drawing(new, True))
    said = [(line.where, line.what, line.sentence[:35]) for line in mine.work]
    expected = ("a.py:3", "jax.random", "the same keys give other numbers. J")
    assert (said, mine.things_to_do) == (([expected], 1) if told else ([], 0))
    assert ("prng/threefry2x32" in mine.keys) is told


def test_a_sampler_that_the_sources_name_and_that_draws_otherwise_is_near_the_user() -> None:
    fair = {"draw": leaf(1, None), "wrong": None}
    before, after = (
        {"draws/geometric-of-a/float32": {**fair, "draw": leaf(n, None)}} for n in (1, 2)
    )
    used, other = (Use(file="a.py", line=3, name=f"jax.random.{n}") for n in ("geometric", "gamma"))
    assert [line[:2] for line in near((used,), before, after)] == [
        ("a.py:3", "jax.random.geometric")
    ]
    assert near((other,), before, after) == []


def test_a_keyword_that_is_gone_explains_the_subject_that_gives_it() -> None:
    use = Use(file="train.py", line=7, name="jax.numpy.clip", keywords=("a_max",))
    was, now = ({"keywords": [word], "any": False} for word in ("a_max", "max"))
    error = broken("TypeError", "clip() got an unexpected keyword argument 'a_max'")
    unrelated = broken("TypeError", "step() got an unexpected keyword argument 'a_min'")
    key = "signatures/jax.numpy.clip"
    old = side({"loss": FINE, "step": FINE}, {key: was}, uses=(use,))
    new = side({"loss": error, "step": unrelated}, {key: now}, uses=(use,))
    mine = found(old, new)
    assert [line.where for line in mine.work] == ["train.py:7", "loss", "step"]
    assert [line.follows for line in mine.work] == [False, True, False]
    assert mine.things_to_do == 2


def test_a_law_that_regressed_is_to_do_and_a_known_defect_is_to_know() -> None:
    item = "errors.axis-out-of-range | jax.pmap | {}"
    holds = {"outcome": "holds", "detail": None}
    violated = {"outcome": "violated", "detail": {"message": "values differ"}}
    skipped = {
        "outcome": "not-applicable",
        "detail": {"reason": "every call shows it", "source": "pmap-axis-out-of-range"},
    }
    subjects = {"a": FINE, "b": FINE}
    old = side(subjects, {}, {item.format(name): holds for name in "ab"})
    new = side(subjects, {}, {item.format("a"): violated, item.format("b"): skipped})
    mine = found(old, new)
    (todo,), (known,) = mine.work, mine.know
    assert (todo.where, todo.what) == ("a", "errors.axis-out-of-range of jax.pmap")
    assert "holds before, violated now: values differ" in todo.sentence
    assert known.where == "1 subject"
    assert known.sentence.startswith("a known defect: unclear error: ")


def test_a_file_that_cannot_be_parsed_is_said() -> None:
    unread = Unreadable(path="a.py", reason="invalid syntax")
    both = side({}, {}, uses=(FIX,), unreadable=(unread,))
    assert lines(found(both, both)) == [("a.py", "", "cannot be parsed: invalid syntax")]


def test_a_removed_name_that_the_code_provides_for_is_to_know() -> None:
    guarded = Use(file="a.py", line=3, name="jax.numpy.fix", guarded=True)
    before = side({}, {"names/jax.numpy.fix": True}, uses=(FIX, guarded))
    mine = found(before, side({}, {"names/jax.numpy.fix": GONE}))
    assert [line.where for line in mine.work] == ["physics.py:35"]
    (known,) = mine.know
    assert (known.where, known.sentence) == (
        "a.py:3",
        "gone since jax 0.10.0 (2026-04-16); your code provides for it",
    )


def test_a_name_that_is_in_neither_release_is_to_know() -> None:
    there, nowhere = {"names/jax.numpy.fix": True}, {"names/jax.numpy.fix": GONE}
    mine = found(side({}, nowhere, uses=(FIX,)), side({}, nowhere, uses=(FIX,)))
    words = "is in neither release: gone since jax 0.10.0 (2026-04-16): use jax.numpy.trunc"
    assert lines(mine) == [("physics.py:35", "jax.numpy.fix", words)]
    assert mine.things_to_do == 0
    assert lines(found(side({}, there, uses=(FIX,)), side({}, there, uses=(FIX,)))) == []
    inferred = msgspec.structs.replace(FIX, name="jax.Array.timesteps")
    absent = side({}, {"names/jax.Array.timesteps": GONE}, uses=(inferred,))
    assert lines(found(absent, absent)) == []
    guarded = msgspec.structs.replace(FIX, guarded=True)
    both = side({}, nowhere, uses=(guarded,))
    assert lines(found(both, both)) == []


def signature(*positional: str, required: tuple[str, ...] = (), more: bool = False) -> Any:
    known = {"keywords": sorted({*positional, *required}), "any": False}
    return {**known, "positional": list(positional), "required": list(required), "more": more}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (signature("x", "tx", required=("x", "tx", "wrt")), "needs wrt= now"),
        (
            signature("x", required=("x",)),
            "takes 1 arguments by position now, and is given 2: name them",
        ),
        (signature("x", required=("x",), more=True), None),
        (signature("x", "tx", "wrt", required=("x",)), None),
    ],
)
def test_a_call_that_does_not_fit_any_more_is_to_do(now: Any, said: str | None) -> None:
    key = "signatures/flax.nnx.Trainer"
    call = Use(file="a.py", line=4, name="flax.nnx.Trainer", positional=2, whole=True)
    was = {key: signature("x", "tx", required=("x", "tx"))}

    def todo(use: Use, before: Any = was) -> list[tuple[str, str]]:
        mine = found(side({}, before, uses=(use,)), side({}, {key: now}, uses=(use,)))
        return [(line.where, line.sentence) for line in mine.work]

    assert todo(call) == ([("a.py:4", said)] if said else [])
    assert todo(msgspec.structs.replace(call, whole=False)) == []
    assert todo(call, {key: now}) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (signature("model", "grads", required=("model", "grads")), "needs model before grads now"),
        (signature("grads", "model", required=("grads", "model")), "needs model= now"),
        (signature("model", "values", required=("model", "values")), "needs values= now"),
    ],
)
def test_an_argument_that_was_put_before_another_is_named(now: Any, said: str) -> None:
    key = "signatures/flax.nnx.Optimizer.update"
    call = Use(file="a.py", line=4, name=key.partition("/")[2], positional=1, whole=True)
    was = {key: signature("grads", required=("grads",))}
    (line,) = found(side({}, was, uses=(call,)), side({}, {key: now}, uses=(call,))).work
    assert line.sentence == said


def test_keywords_of_one_call_are_one_thing_to_do() -> None:
    key = "signatures/jax.numpy.clip"
    both = Use(file="a.py", line=7, name="jax.numpy.clip", keywords=("a_min", "a_max"))
    one = msgspec.structs.replace(both, line=9, keywords=("a_max",))
    was = {key: {"keywords": ["a_min", "a_max"], "any": False}}
    now = {key: {"keywords": ["min", "max"], "any": False}}
    mine = found(side({}, was, uses=(both,)), side({}, now)).work
    assert [(line.where, line.sentence[:25]) for line in mine] == [
        ("a.py:7", "takes no a_min=, a_max= s")
    ]
    mine = found(side({}, was, uses=(both, one)), side({}, now)).work
    assert [line.where for line in mine] == ["a.py:7", "a.py:9"]


def test_an_argument_to_give_now_is_near_only_calls_that_cannot_be_read() -> None:
    key = "defaults/flax.nnx.Optimizer"
    before, after = {key: {"wrt": "Param"}}, {key: {"wrt": "required"}}
    call = Use(file="a.py", line=4, name="flax.nnx.Optimizer", keywords=("wrt",), whole=True)
    assert near((call,), before, after) == []
    assert len(near((msgspec.structs.replace(call, whole=False),), before, after)) == 1


def test_that_no_function_of_the_users_was_run_is_said() -> None:
    both = side({}, {"names/jax.numpy.fix": True}, uses=(FIX,))
    assert any("no function of yours was run" in each for each in found(both, both).fine)
    both = side({"mine": FINE}, {"names/jax.numpy.fix": True}, uses=(FIX,))
    assert not any("no function of yours was run" in each for each in found(both, both).fine)
