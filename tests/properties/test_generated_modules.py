"""A generated module is plain data: it survives JSON, shrinks, and what is none is refused."""

from typing import Any

import attrs
import msgspec
import numpy as np
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, GeneratedModuleCall
from properties.call_json import MalformedCall, from_json, to_json
from properties.generated_modules import drawing, shrinking
from properties.generated_modules.grammar import (
    KINDS,
    LARGEST_GROWTH,
    Node,
    check,
    growth,
    nodes,
    source,
)
from properties.law import load, smallest, stored, violation
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.run_law import draw, run_law
from properties.subjects import SUBJECTS
from properties.subjects.generated_modules import GENERATED_MODULES
from properties.transform import Transform, Used
from properties.trees import read

LAW = LAWS["sharing.generated-module"]
LINEN, NNX = TRANSFORMS["flax.linen.vmap"], TRANSFORMS["flax.nnx.vmap"]
SEEDS = range(200)
AFFINE = Node("affine")
SCANNED = Node("scan", (Node("chain", (AFFINE, Node("count"))),))


def call_of(module: Node, family: str = "generated-lifts") -> GeneratedModuleCall:
    return GeneratedModuleCall(
        family,
        {"batch": 2},
        (Axes((0,), 1),),
        {"params": 1, "state": 0},
        {"params": True, "noise": True},
        seed=3,
        module=module,
    )


def broken_where(kind: str) -> Transform:
    """A lift that gives another result for modules with such a one within."""

    def use(call: GeneratedModuleCall) -> Used:
        mapped, expected = LINEN.use(call)
        wrong = any(each.does == kind for each in nodes(call.module))
        return Used((lambda: (mapped(), 1)) if wrong else mapped, expected)

    return attrs.evolve(LINEN, use=use)


def test_every_tree_drawn_is_valid_exact_and_survives_json() -> None:
    every = tuple(KINDS)
    seen = set()
    for seed in SEEDS:
        tree = drawing.draw(seed, every)
        check(tree)
        assert growth(tree) <= LARGEST_GROWTH
        assert drawing.draw(seed, every) == tree
        assert msgspec.json.decode(msgspec.json.encode(tree), type=Node) == tree
        seen |= {each.does for each in nodes(tree)}
    assert seen == set(KINDS)


@pytest.mark.parametrize("family", GENERATED_MODULES, ids=lambda family: family.name)
def test_every_tree_of_a_family_has_one_of_its_kinds(family: Any) -> None:
    for seed in SEEDS:
        kinds = {each.does for each in nodes(drawing.draw(seed, family.kinds))}
        assert not kinds.isdisjoint(family.kinds)


def test_smaller_trees_are_valid_and_end_at_one_module() -> None:
    for seed in range(20):
        tree = drawing.draw(seed, tuple(KINDS))
        while (candidates := list(shrinking.smaller(tree))) != []:
            for each in candidates:
                check(each)
            tree = candidates[-1]
        assert tree == AFFINE


def test_a_call_survives_json() -> None:
    for transform in (LINEN, NNX):
        for call in draw(LAW, transform, SUBJECTS["generated-state"], PROFILES["ci"]):
            text = msgspec.json.encode(stored(LAW.id, transform.name, call))
            assert load(msgspec.json.decode(text)) == (LAW.id, transform.name, call)


@pytest.mark.parametrize(
    "change",
    [
        {"module": {"does": "unknown"}},
        {"module": {"does": "sum", "of": [{"does": "affine"}]}},
        {"module": {"does": "scan", "of": [{"does": "sow"}]}},
        {"module": {"does": "affine", "more": 1}},
        {"subject_name": "use.second-call"},
        {"kind": "module"},
    ],
    ids=["unknown", "few", "closed", "field", "subject", "kind"],
)
def test_what_is_no_generated_module_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedCall):
        from_json({**to_json(call_of(SCANNED)), **change})


def test_the_same_tree_is_written_as_classes_with_names_of_their_own() -> None:
    text = source(Node("sum", (SCANNED, SCANNED)))
    names = [line.split()[1].split("(")[0] for line in text.splitlines() if "class" in line]
    assert len(names) == len(set(names))
    assert names[-1] == "Top"


@pytest.mark.parametrize("transform", [LINEN, NNX], ids=lambda transform: transform.name)
def test_a_script_defines_what_the_law_maps(transform: Transform) -> None:
    call = call_of(SCANNED)
    names: dict[str, Any] = {"__name__": "script"}
    exec(
        "import jax\nimport jax.numpy as jnp\nimport numpy as np\n" + transform.source(call), names
    )
    got, expected = read(names["mapped"]()), read(transform.use(call).expected)
    np.testing.assert_equal(got, expected)


def test_a_fault_shrinks_to_the_module_that_shows_it() -> None:
    broken = broken_where("count")
    found = violation(LAW, broken, call_of(SCANNED))
    assert found is not None
    small = smallest(LAW, broken, found, lambda call: True)
    assert isinstance(small.call, GeneratedModuleCall)
    assert small.call.module == Node("count")


def test_the_law_decides_every_call_of_the_sound_lift() -> None:
    result = run_law(LAW, LINEN, SUBJECTS["generated-composed"], PROFILES["quick"])
    assert result.examples
    assert (result.violation, result.undecided) == (None, 0)
