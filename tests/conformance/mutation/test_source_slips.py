"""Slips in the source: what is changed, where, and that a function is whole again afterwards."""

import ast
import types
from pathlib import Path
from typing import Any

import jax
import pytest

from conformance.mutation.results import CONTROL, SlipResult
from conformance.mutation.source import driver, mutate, page, reach, slip_log, survivors, targets
from conformance.mutation.source.mutate import Attempts
from conformance.mutation.source.operators import OPERATORS, Slip, slips
from conformance.mutation.source.reach import Reached
from conformance.mutation.source.targets import Target, replaced
from conformance.runner.items import Item
from conformance.transforms import TRANSFORMS
from properties.applicability import refusal
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

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


def reached(item: str, *lines: int, seconds: float = 1) -> Reached:
    return Reached(item, (), {"f": frozenset(lines)}, seconds)


def test_a_slip_is_tried_on_items_that_execute_its_line_one_of_each_law_and_subject_first() -> None:
    every = [
        reached("a.x|t|1", 1, seconds=2),
        reached("a.x|t|2", 1, 2),
        reached("a.y|t|2", 1),
        reached("b.x|t|2", 1),
        reached("a.x|t|3", 2),
        reached("a.x|t|4", 1, seconds=5),
        reached("b.x|t|1", 1, seconds=9),
    ]
    items = [each.item for each in reach.tried(every, "f", 1)]
    assert items == ["a.x|t|2", "b.x|t|2", "a.y|t|2", "a.x|t|1", "a.x|t|4", "b.x|t|1"]
    assert reach.tried(every, "g", 1) == []
    assert reach.tried(every, "f", 3) == []


def test_jax_has_functions_that_map_on_this_release() -> None:
    found = targets.targets()
    assert "jax._src.api:vmap" in found
    assert any(name.startswith("flax.core.lift:") for name in found)
    assert set(targets.chosen(("*:vmap",))) < set(found)


SIZES = "jax._src.api:_mapped_axis_size"
ITEM = Item(LAWS["mapping.equals-per-example"], TRANSFORMS["jax.vmap"], SUBJECTS["dot-product"])


@pytest.fixture(scope="module")
def traced() -> Reached:
    found = reach.traced(ITEM, PROFILES["quick"])
    assert found is not None
    return found


def test_slips_of_a_function_are_noticed_and_the_function_as_it_is_passes(traced: Reached) -> None:
    count = len(list(slips(targets.targets()[SIZES].definition)))
    found: list[SlipResult] = []
    driver.run([(SIZES, number) for number in range(count)], "quick", [traced], 1, found.append)
    (control,) = [each for each in found if each.operator == CONTROL]
    assert (control.noticed_by, control.reached) == (None, True)
    rest = [each for each in found if each.operator != CONTROL]
    assert [each.number for each in rest] == list(range(count))
    assert {each.noticed_by for each in rest} == {None, ITEM.planned_as}
    assert {each.reached for each in rest} == {True, False}


def test_an_item_that_fails_on_the_function_as_it_is_notices_nothing(
    traced: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutate, "_notices", lambda each: True)
    number = next(n for n, s in enumerate(every_slip(SIZES)) if s.line in traced.lines[SIZES])
    control, tried = Attempts("quick", [traced]).of(SIZES, number)
    assert (control.operator, control.noticed_by) == (CONTROL, ITEM.planned_as)
    assert (tried.noticed_by, tried.reached) == (None, True)


def every_slip(target: str) -> list[Slip]:
    return list(slips(targets.targets()[target].definition))


def test_what_the_suite_computed_with_a_slip_in_place_is_forgotten(traced: Reached) -> None:
    number = next(n for n, s in enumerate(every_slip(SIZES)) if s.line in traced.lines[SIZES])
    list(Attempts("quick", [traced]).of(SIZES, number))
    assert refusal.cache_info().currsize == 0


def test_a_slip_that_ends_its_process_is_noticed_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = iter([1, 1])
    monkeypatch.setattr(driver, "_by_process", lambda *_: next(ended))
    found: list[SlipResult] = []
    driver.run([(SIZES, number) for number in range(3)], "quick", [], 1, found.append)
    assert [(each.number, each.noticed_by) for each in found] == [(1, driver.DIES)]


def test_what_the_log_has_is_not_tried_again(tmp_path: Path) -> None:
    log, mine = tmp_path / "slips.jsonl", [targets.targets()[SIZES]]
    assert slip_log.read(log) == []
    order = slip_log.tasks(mine, 0)
    assert sorted(order) == [(SIZES, number) for number, _ in enumerate(every_slip(SIZES))]
    assert order == slip_log.tasks(mine, 0) != sorted(order)
    slip_log.append(log, slip(number=-1, operator=CONTROL))
    slip_log.append(log, slip(number=2))
    assert slip_log.read(log) == [slip(number=-1, operator=CONTROL), slip(number=2)]
    results = slip_log.read(log)
    assert set(order) - set(slip_log.left(order, results, "quick")) == {(SIZES, 2)}
    assert len(slip_log.left(order, results, "quick", 5)) == 4
    assert slip_log.left(order, results, "quick", 1) == []


def test_what_survives_the_calls_of_quick_is_tried_on_those_of_ci() -> None:
    survives, ended = slip(number=0), slip(number=2, noticed_by="x")
    missed = slip(number=1, reached=False)
    order = [(SIZES, number) for number in range(4)]
    assert slip_log.left(order, [survives, missed, ended], "ci") == order[:2]
    again = [slip(number=0, profile="ci", reached=False), slip(number=1, profile="ci")]
    results = [survives, missed, ended, *again]
    assert slip_log.left(order, results, "ci") == []
    assert [each.reached for each in slip_log.latest(results)] == [True, True, True]


def test_a_log_of_other_releases_and_a_file_that_is_no_log_are_refused(tmp_path: Path) -> None:
    log = tmp_path / "slips.jsonl"
    slip_log.append(log, slip())
    log.write_text(log.read_text().replace(f'"jax":"{jax.__version__}"', '"jax":"0.1"'))
    with pytest.raises(slip_log.LogError, match=r"has results of jax 0\.1, .* Give --log another"):
        slip_log.read(log)
    log.write_text("# Slips\n")
    with pytest.raises(slip_log.LogError, match=r"slips\.jsonl is no log of slips: "):
        slip_log.read(log)


def slip(**fields: Any) -> SlipResult:
    given = {"operator": "number", "line": 1, "noticed_by": None, "reached": True, **fields}
    return SlipResult("jax._src.api:_mapped_axis_size", before="0", after="1", **given)


def test_the_totals_count_what_can_matter_and_say_where_a_control_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = [
        slip(operator=CONTROL),
        slip(number=0, noticed_by="x"),
        slip(number=1),
        slip(number=2, noticed_by="x", profile="ci"),
        slip(number=3, reached=False),
    ]
    monkeypatch.setattr(survivors, "REASONS", ())
    whole = page.totals(results)
    assert whole.startswith(
        "4 slips are tried. 0 of them change nothing that a user sees; of the other 4,"
    )
    assert (
        "1 are in lines that no item tried executes. 2 of the 3 in lines that are executed" in whole
    )
    assert "(66.7 %), 1 of them by quick (33.3 %); every control passes." in whole
    assert "**not noticed**" in page.tables(results)
    assert "| number | 4 | 0 | 1 | 2 | 3 | 66.7 % | 33.3 % |" in page.tables(results)
    known = (("jax._src.api:*", "*", "0 → 1", "it is only a hint"),)
    monkeypatch.setattr(survivors, "REASONS", known)
    assert "2 of them change nothing that a user sees; of the other 2, 0 are in" in page.totals(
        results
    )
    assert "it is only a hint" in page.tables(results)
    assert "**not noticed**" not in page.tables(results)
    assert "1 controls fail" in page.totals([slip(operator=CONTROL, noticed_by="x")])


def test_a_reason_is_about_a_function_a_line_and_a_slip(monkeypatch: pytest.MonkeyPatch) -> None:
    function = targets.targets()[SIZES]
    line = function.definition.lineno
    monkeypatch.setattr(survivors, "REASONS", ((SIZES, "def *(*", "0", "why"),))
    assert survivors.reason(slip(line=line)) == "why"
    assert survivors.reason(slip(line=line + 1)) == ""
    monkeypatch.setattr(survivors, "REASONS", ((SIZES, "*", "0 → 2", "why"),))
    assert survivors.reason(slip(line=line)) == ""


def test_the_page_says_what_it_was_measured_on_and_how_much_was_tried() -> None:
    head = page.head(1234, [slip(number=0), slip(number=1)], 7)
    assert f"Measured on jax {jax.__version__}, flax" in head
    assert "there are 1,234 slips. Of these 2 are tried, drawn at random with seed 7." in head
    assert "drawn at random" not in page.head(1, [slip(number=0)], 0).rpartition("Measured on")[2]
