"""A program is plain data of sound types: it survives JSON, computes exactly, and what is none is refused."""

import ast
import json
from typing import Any

import attrs
import jax
import msgspec
import numpy as np
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, ProgramCall
from properties.call_json import MalformedCall, from_json, to_json
from properties.law import load, minimize, smallest, stored, violation
from properties.laws import LAWS
from properties.laws.mapping.programs import expected_of
from properties.mutants import MUTANTS
from properties.profile import PROFILES
from properties.programs import drawing, infer, shrinking, source
from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import Block, IllTyped, Program, Statement, Type, statements_in
from properties.programs.operations import COLLECTIVES, OPERATIONS, constant
from properties.run_law import draw
from properties.subjects import SUBJECTS
from properties.subjects.programs import FAMILIES, PROGRAMS

LAW = LAWS["mapping.generated-program"]
VMAP = TRANSFORMS["jax.vmap"]
VECTOR = Type("float32", (3,))
EVERY = list(CONSTRUCTS)
SEEDS = range(100)


def program(*statements: Statement, gives: tuple[int, ...] = (1,)) -> Program:
    return Program((VECTOR,), Block((0,), statements, gives))


def call_of(one: Program, family: str = "program-control") -> ProgramCall:
    axes = Axes((0,) * len(one.inputs))
    return ProgramCall(family, {"batch": 3}, (axes,), program=one)


DOUBLED = program(Statement((1,), "add", (0, 0)))
IDENTITY = Block((2,), (), (2,))


def test_every_program_drawn_is_well_typed_exact_and_survives_json() -> None:
    for seed in SEEDS:
        one = drawing.draw(seed, EVERY)
        infer.check(one)
        assert drawing.draw(seed, EVERY) == one
        text = msgspec.json.encode(one)
        assert msgspec.json.decode(text, type=Program) == one


def test_programs_have_every_construct_and_operation() -> None:
    seen = set()
    for seed in range(1600):
        seen |= {each.does for each in statements_in(drawing.draw(seed, EVERY).body)}
    named = {name for name in (*OPERATIONS, *COLLECTIVES) if not name.startswith("ones-")}
    assert (named | set(CONSTRUCTS)) - seen == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_program_without_dead_statements_has_one_of_its_family(family: str) -> None:
    some = [drawing.draw(seed, FAMILIES[family]) for seed in range(60)]
    having = [
        any(each.does in FAMILIES[family] for each in statements_in(one.body)) for one in some
    ]
    assert sum(having) > 30


@pytest.mark.parametrize("family", [each for each in FAMILIES if each != "program-references"])
def test_this_release_does_every_program_unmapped_and_no_result_is_larger_than_said(
    family: str,
) -> None:
    if jax.__version_info__ < (0, 5):
        pytest.skip("it lacks optimize_remat")
    for call in draw(LAW, VMAP, SUBJECTS[family], PROFILES["ci"])[:6]:
        expected = expected_of(call)
        values = infer.results(call.program.body, infer.inputs_of(call.program), {}, {}, {})
        for got, value in zip(expected.value, values, strict=True):
            assert got.dtype == value.dtype
            assert np.abs(got.astype(np.float64)).max(initial=0) <= value.size
            assert np.all(got == np.round(got))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (program(Statement((1,), "explode", (0,))), "unknown operation 'explode'"),
        (program(Statement((1,), "add", (0, 7))), "the value 7 is not defined"),
        (program(Statement((1,), "add", (0,))), "add takes 2 operands"),
        (program(Statement((1,), "not", (0,))), "not does not take float32[3]"),
        (program(Statement((0,), "add", (0, 0))), "the value 0 is defined twice"),
        (program(Statement((1, 3), "jit", (0,), (IDENTITY,))), "jit gives 1 values, not 2"),
        (program(Statement((1,), "jit", (0,))), "jit has 1 blocks"),
        (program(Statement((1,), "jit", (0, 0), (IDENTITY,))), "a block takes 1 values"),
        (program(Statement((1,), "cond", (0, 0), (IDENTITY, Block((3,), (), (3,))))), "chooses"),
        (program(Statement((1,), "vmap", (0,), (IDENTITY,))), "in_axes has one entry"),
        (program(Statement((1,), "psum", (0,), axis=0)), "psum is about the axis of a map"),
        (program(Statement((1,), "grad", (), (Block((), (), (0,)),))), "grad: not enough values"),
        (program(gives=(4,)), "the value 4 is not defined"),
        (
            program(*(Statement((i + 1,), "multiply", (i, i)) for i in range(6)), gives=(6,)),
            "may be too large to be exact",
        ),
    ],
)
def test_what_is_no_program_is_refused_in_a_sentence(one: Program, words: str) -> None:
    with pytest.raises(IllTyped, match=words.replace("[", r"\[")):
        infer.check(one)
    with pytest.raises(MalformedCall) as refused:
        from_json(json.loads(json.dumps(to_json(call_of(one)))))
    assert words in str(refused.value)
    assert str(refused.value).endswith("at `$.program`")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["program"].pop("body"),
        lambda data: data["program"].update(more=1),
        lambda data: data["program"]["inputs"][0].update(shape=[9]),
        lambda data: data["program"]["body"]["statements"][0].update(gives=[]),
        lambda data: data.update(subject_name="square", sizes={"batch": 3, "m": 3, "n": 3}),
        lambda data: data.update(kind="function", program=None) or data.pop("program"),
        lambda data: data["axes"][0].update(in_axes=[0, 0]),
    ],
)
def test_a_stored_call_that_is_none_is_refused(change: Any) -> None:
    data = json.loads(json.dumps(to_json(call_of(DOUBLED))))
    assert from_json(data) == call_of(DOUBLED)
    change(data)
    with pytest.raises(MalformedCall):
        from_json(data)


def test_a_case_is_the_same_call_again() -> None:
    case = json.loads(json.dumps(stored(LAW.id, VMAP.name, call_of(DOUBLED))))
    assert load(case) == (LAW.id, VMAP.name, call_of(DOUBLED))


def test_the_python_of_a_program_imports_jax_and_numpy_only() -> None:
    tree = ast.parse(source.source(drawing.draw(3, EVERY)))
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]
    assert {ast.unparse(each) for each in names} == {
        "import jax",
        "import jax.numpy as jnp",
        "import numpy as np",
        "from jax import lax",
    }


def test_smaller_programs_are_programs_and_shrinking_ends_at_the_smallest() -> None:
    for seed in range(12):
        one = drawing.draw(seed, ["scan"])
        if not _has(one, "scan"):
            continue
        candidates = shrinking.smaller(one)
        while (candidate := next(candidates, None)) is not None:
            infer.check(candidate)
            if _has(candidate, "scan"):
                one, candidates = candidate, shrinking.smaller(candidate)
        assert len(statements_in(one.body)) <= 3, source.source(one)


def _has(one: Program, name: str) -> bool:
    return any(each.does == name for each in statements_in(one.body))


def test_a_violation_shrinks_to_the_construct_that_shows_it() -> None:
    def broken(function: Any, axes: Axes) -> Any:
        wrong = "lax.scan" in source.source(current)
        return VMAP.map((lambda *x: 1 / 0) if wrong else function, axes)

    def check(transform: Any, call: ProgramCall) -> None:
        nonlocal current
        current = call.program
        LAW.check(transform, call)

    current = next(
        one for one in (drawing.draw(seed, ["scan"]) for seed in SEEDS) if _has(one, "scan")
    )
    law = attrs.evolve(LAW, check=check)
    transform = attrs.evolve(VMAP, map=broken)
    first = minimize(law, transform, call_of(current))
    assert first is not None
    found = smallest(law, transform, first, lambda call: True)
    assert len(statements_in(found.call.program.body)) <= 3


def test_constants_have_every_type() -> None:
    for subject in PROGRAMS:
        assert subject.kind == "program"
    one = program(Statement((1,), constant("int32", (2, 3))))
    assert infer.check(one)[1].type == ("int32", (2, 3))


def test_the_gradient_law_draws_programs_that_have_a_gradient_and_notices_a_wrong_one() -> None:
    law = LAWS["gradients.generated-program"]
    halved = MUTANTS["derivative-halved"].mutate(VMAP)
    seen = []
    for call in draw(law, VMAP, SUBJECTS["program-rules"], PROFILES["ci"]):
        assert any(each.dtype == "float32" for each in call.program.inputs)
        assert violation(law, VMAP, call) is None
        assert violation(LAW, halved, call) is None
        seen.append(violation(law, halved, call) is not None)
    assert any(seen)
