"""What a table and a verdict say of results: dashes for the control, and failures by name."""

from msgspec.structs import replace

from conformance.mutation import failures, tables
from conformance.mutation.results import CONTROL, MutationResult, RuleMutationResult

VMAP = "jax.vmap"
RESULTS = [
    MutationResult("mapping.a", VMAP, CONTROL, None, 4),
    MutationResult("mapping.a", VMAP, "reversed", "linear", 4),
    MutationResult("mapping.a", VMAP, "halved", None, 4),
    MutationResult("mapping.b", VMAP, CONTROL, None, 4),
    MutationResult("mapping.b", VMAP, "reversed", None, 4),
    MutationResult("mapping.b", VMAP, "halved", "softmax", 4),
]
RULES = [
    RuleMutationResult("sin", CONTROL, None),
    RuleMutationResult("sin", "rolled", "lax.sin"),
    RuleMutationResult("sin", "misplaced", None, "its result has no other axis"),
]


def test_the_control_is_the_first_row_and_all_dashes() -> None:
    lines = tables.matrix_tables(RESULTS).splitlines()
    assert lines[2:] == [
        "| mutant | `mapping.a` | `mapping.b` |",
        "|---|---|---|",
        "| none | - | - |",
        "| reversed | linear | - |",
        "| halved | - | softmax |",
    ]
    assert failures.matrix_failures(RESULTS) == []
    assert tables.matrix_totals(RESULTS) == (
        "2 of 4 triples of law, mutant and transform are kills; 2 of 2 mutants are killed by some "
        "law, 2 of 2 laws kill some mutant; every control passes."
    )


def test_a_failing_control_names_law_transform_and_subject() -> None:
    results = [replace(RESULTS[0], killed_by="mlp-loss"), *RESULTS[1:]]
    (line,) = failures.matrix_failures(results)
    assert line.startswith("mapping.a fails on mlp-loss for jax.vmap, which is not broken")
    assert "| none | mlp-loss | - |" in tables.matrix_tables(results)
    assert tables.matrix_totals(results).endswith("1 controls fail.")


def test_a_law_and_a_mutant_without_a_kill_are_named() -> None:
    lines = failures.matrix_failures(RESULTS[:5])
    assert [line.split(":")[0] for line in lines] == [
        "mapping.b kills no mutant of jax.vmap",
        "no law kills the mutant halved",
    ]
    # Another shard may kill it.
    assert len(failures.matrix_failures(RESULTS[:5], whole=False)) == 1


def test_a_law_that_checks_no_call_of_a_transform_has_no_column() -> None:
    silent = [replace(each, law="mapping.c", killed_by=None, calls=0) for each in RESULTS[:3]]
    assert tables.matrix_tables([*RESULTS, *silent]) == tables.matrix_tables(RESULTS)
    assert failures.matrix_failures([*RESULTS, *silent]) == []


def test_the_table_of_rules_has_a_column_of_controls() -> None:
    assert tables.rule_table(RULES).splitlines() == [
        "| rule | none | rolled | misplaced |",
        "|---|---|---|---|",
        "| sin | - | lax.sin | (its result has no other axis) |",
    ]
    assert tables.rule_totals(RULES).startswith(
        "1 of 1 pairs of batching rule and mutant are kills"
    )
    assert failures.rule_failures(RULES) == []


def test_failing_controls_and_survivors_of_rules_are_named() -> None:
    broken = [replace(RULES[0], killed_by="lax.sin"), *RULES[1:]]
    (line,) = failures.rule_failures(broken)
    assert line.startswith("the batching rule sin, which is not broken, fails on lax.sin")
    survivor = [RULES[0], replace(RULES[1], killed_by=None)]
    (line,) = failures.rule_failures(survivor)
    assert line == "more than 5% of the mutants survive: rolled of sin"
    assert "**survived**" in tables.rule_table(survivor)
