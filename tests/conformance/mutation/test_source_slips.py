"""Slips in the source: what is changed, where, and that a function is whole again afterwards."""

import ast
import types
from pathlib import Path
from typing import Any

import pytest

from conformance.mutation.results import CONTROL, SlipResult
from conformance.mutation.source import driver, reach, survivors, targets
from conformance.mutation.source.operators import OPERATORS, slips, with_control
from conformance.mutation.source.targets import Target, replaced
from conformance.mutation.tables import source_table, source_totals

SOURCE = '''
def outside(x):
    return x


class Counter:
    @property
    def two(self):
        return 1 + 1


def chosen(x, axis=0, *, size: int = 4):
    """Says 1 and not 2."""
    assert size > 3, "no less than 4"
    if not isinstance(x, int):
        raise ValueError(f"{x} is not 1")
    if bool(x):
        axis = -1
    total = 0
    for each in (5, 6):
        total += each if x < 2 and axis == -1 else 0
    def inside(y):
        return dict(y=y, flag=True)["y"] - x
    return inside(total)
'''


def function(name: str = "chosen") -> ast.FunctionDef:
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise LookupError(name)


def made() -> set[tuple[str, str, str]]:
    return {(slip.operator, slip.before, slip.after) for slip in slips(function())}


@pytest.mark.parametrize(
    "slip",
    [
        ("comparison", "x < 2", "x <= 2"),
        ("comparison", "axis == -1", "axis != -1"),
        ("and-or", "x < 2 and axis == -1", "x < 2 or axis == -1"),
        ("not", "not isinstance(x, int)", "isinstance(x, int)"),
        ("other-branch", "if bool(x)", "if not bool(x)"),
        ("number", "5", "6"),
        ("truth", "True", "False"),
        ("arithmetic", "dict(y=y, flag=True)['y'] - x", "dict(y=y, flag=True)['y'] + x"),
        ("sign", "-1", "1"),
        ("no-iteration", "for each in (5, 6)", "for each in ()"),
        ("keyword-dropped", "dict(y=y, flag=True)", "dict(y=y)"),
    ],
    ids=lambda slip: slip[0],
)
def test_each_operator_makes_its_slip(slip: tuple[str, str, str]) -> None:
    assert slip in made()


def test_every_operator_is_tested_here() -> None:
    assert {operator for operator, _, _ in made()} == set(OPERATORS)


def test_what_only_words_a_message_is_left_alone() -> None:
    codes = {before for _, before, _ in made()}
    assert not codes & {"size > 3", "3", "4", "f'{x} is not 1'"}
    assert "Says 1 and not 2." not in str(codes)


def test_each_slip_changes_one_place_and_the_function_stays_as_it_is() -> None:
    definition = function()
    before = ast.unparse(definition)
    lines = before.splitlines()
    for slip in slips(definition):
        mutant = ast.unparse(slip.definition).splitlines()
        changed = [
            n for n, pair in enumerate(zip(lines, mutant, strict=True)) if len(set(pair)) > 1
        ]
        assert len(changed) == 1, (slip.operator, slip.before, slip.after)
    assert ast.unparse(definition) == before


@pytest.fixture
def module(tmp_path: Path) -> Any:
    file = tmp_path / "mapping.py"
    file.write_text(SOURCE)
    loaded = types.ModuleType("mapping")
    exec(compile(SOURCE, str(file), "exec"), loaded.__dict__)
    loaded.file = str(file)  # type: ignore[attr-defined] # for the test
    return loaded


def test_a_slip_is_in_force_within_the_block_only_for_whoever_has_the_function(module: Any) -> None:
    target = Target("mapping", "chosen", module.file, function())
    (slip,) = [slip for slip in slips(target.definition) if slip.before == "5"]
    alias, right = module.chosen, module.chosen(1)
    with replaced(target, slip.definition) as there:
        assert there
        assert alias(1) == right + 1
    assert alias(1) == right


def test_a_method_under_a_decorator_is_replaced(module: Any) -> None:
    (owner,) = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.ClassDef)]
    (method,) = owner.body
    assert isinstance(method, ast.FunctionDef)
    target = Target("mapping", "Counter.two", module.file, method)
    slip = next(slip for slip in slips(method) if slip.operator == "arithmetic")
    with replaced(target, slip.definition):
        assert module.Counter().two == 0
    assert module.Counter().two == 2


def test_a_function_that_is_not_there_is_said(module: Any) -> None:
    target = Target("mapping", "chosen", "nowhere.py", function())
    with replaced(target, function()) as there:
        assert not there


def test_the_lines_executed_are_traced_those_of_nested_functions_too(module: Any) -> None:
    target = Target("mapping", "chosen", module.file, function())
    with reach.tracing([target]) as executed:
        module.outside(1)
        assert not executed
        module.chosen(0)
    text = [SOURCE.splitlines()[line - 1].strip() for line in sorted(executed["mapping:chosen"])]
    assert "total = 0" in text
    assert 'return dict(y=y, flag=True)["y"] - x' in text
    assert "axis = -1" not in text


def test_items_that_add_lines_come_first_and_then_one_of_each_law_the_groups_by_turns() -> None:
    lines = {"a.x|t|1": {1, 2}, "a.x|t|2": {1, 2, 3}, "a.x|t|3": {4}, "a.z|t|1": {1}}
    lines |= {"a.y|t|1": {1}, "b.x|t|1": {1}, "b.x|t|2": {1}}
    executed = [(item, {"f": frozenset(each)}) for item, each in lines.items()]
    assert reach.tried(executed, "f") == ("a.x|t|2", "a.x|t|3", "a.y|t|1", "b.x|t|1", "a.z|t|1")
    assert reach.tried(executed, "g") == ()


def test_jax_has_functions_that_map_on_this_release() -> None:
    found = targets.targets()
    assert "jax._src.api:vmap" in found
    assert any(name.startswith("flax.core.lift:") for name in found)
    assert set(targets.chosen(("*:vmap",))) < set(found)


def test_slips_of_a_function_are_noticed_and_the_function_as_it_is_passes() -> None:
    item = "mapping.equals-per-example|jax.vmap|dot-product"
    name = "jax._src.api:_mapped_axis_size"
    control, *rest = driver.run({name: (item,)}, workers=1)
    assert (control.operator, control.noticed_by, control.reached) == (CONTROL, None, True)
    assert any(each.noticed_by == item for each in rest)
    assert len(rest) == len(list(with_control(targets.targets()[name].definition))) - 1


def test_a_slip_that_ends_its_process_is_noticed_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "jax._src.api:_mapped_axis_size"
    calls = iter([(0, [slip(operator=CONTROL)]), (1, [])])
    monkeypatch.setattr(driver, "_by_process", lambda share: next(calls))
    control, dead = driver.run({name: ()}, workers=1)
    assert not control.noticed
    assert dead.noticed_by == driver.DIES


def slip(**fields: Any) -> SlipResult:
    given = {"operator": "number", "line": 1, "noticed_by": None, "reached": True, **fields}
    return SlipResult("jax._src.api:_mapped_axis_size", before="0", after="1", **given)


def test_the_totals_count_what_is_reached_and_say_where_a_control_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = [
        slip(operator=CONTROL),
        slip(noticed_by="x"),
        slip(),
        slip(line=2),
        slip(reached=False),
    ]
    known = {("jax._src.api:*", "0"): "it is only a hint"}
    monkeypatch.setattr(survivors, "REASONS", {})
    assert source_totals(results).startswith("1 of 3 slips in lines that the items execute")
    assert "(33.3 %), 33.3 % of those" in source_totals(results)
    assert "**not noticed**" in source_table(results)
    monkeypatch.setattr(survivors, "REASONS", known)
    assert "(33.3 %), 100.0 % of those" in source_totals(results)
    assert "it is only a hint" in source_table(results)
    assert "every control passes" in source_totals(results)
    assert "1 controls fail" in source_totals([slip(operator=CONTROL, noticed_by="x")])
