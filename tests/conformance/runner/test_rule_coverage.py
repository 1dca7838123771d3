"""Coverage is measured by watching the table, and a broken rule is noticed."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np

from conformance.events.records import BatchingRules
from conformance.mutation.rule_faults import RULE_MUTANTS
from conformance.runner import rule_coverage
from conformance.runner.controller import coverage
from properties.unreachable_rules import UNREACHABLE_RULES

ALONE = """
import json
from conformance.runner import process_env
process_env.prepare()
from conformance.runner import rule_coverage
import jax
registered = rule_coverage.instrument()
before = set(rule_coverage.COVERED_RULES)
jax.vmap(lambda x: jax.numpy.sin(x) * 2)(jax.numpy.ones(3))
print(json.dumps([len(registered), sorted(before), sorted(rule_coverage.COVERED_RULES)]))
"""


def test_only_what_ran_was_exercised() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
    run = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, env=environment, check=True
    )
    registered, before, exercised = json.loads(run.stdout)
    assert before == []
    assert {"sin", "mul"} <= set(exercised)
    assert "cos" not in exercised
    assert 150 < registered < 300


def test_a_rule_is_reached_also_where_it_was_traced_before() -> None:
    x = np.ones((3, 2), np.float32)
    mapped = jax.vmap(jax.jit(jnp.tanh))
    for _ in range(2):
        assert "tanh" in rule_coverage.reached(lambda: mapped(x))
    assert "cosh" not in rule_coverage.reached(lambda: mapped(x))


def test_a_rule_is_replaced_for_a_while_only() -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    mapped = jax.jit(jax.vmap(jnp.sinh))
    right = np.asarray(mapped(x))
    with rule_coverage.replaced("sinh", lambda rule: RULE_MUTANTS["rolled"](rule, lambda: None)):
        np.testing.assert_array_equal(mapped(x), np.roll(right, 1, 0))
    np.testing.assert_array_equal(mapped(x), right)


def test_every_reachable_rule_of_the_installed_release_is_reached() -> None:
    # In a process of its own: what other tests import registers rules, too.
    command = [sys.executable, "-c", "from conformance.cli import main; main()"]
    run = subprocess.run(
        [*command, "list", "rules", "--json"], capture_output=True, text=True, check=True
    )
    by_state: dict[str, list[str]] = {"hit": [], "missed": [], "exempt": []}
    for row in json.loads(run.stdout):
        by_state[row["state"]].append(row["name"])
    # The names that old releases have no more, or that the newest have since, are few.
    allowed = 6 if jax.__version_info__ >= (0, 10) else 20
    assert len(by_state["missed"]) <= allowed, by_state["missed"]
    assert len(by_state["exempt"]) <= 22  # 21 on jax 0.10.2, 22 on 0.12.0
    assert len(by_state["hit"]) > 150


def test_what_is_covered_is_said_by_name() -> None:
    got = coverage(["add", "sin", "psend", "cos"], {"add", "check", "psend"})
    assert got == BatchingRules(
        registered=4,
        exempt={},
        exercised=["add", "psend"],
        missing=["cos", "sin"],
        later=["check"],
    )
    assert coverage(["psend"], set()).exempt == {"psend": UNREACHABLE_RULES["psend"]}
