"""The suite notices broken batching rules: a sample. `vmap-conformance mutants --rules "*"` breaks all."""

import re

from click.testing import CliRunner

from conformance.cli.mutants import mutants

SAMPLE = ("sin", "dot_general", "gather", "cumsum", "sort", "dynamic_slice", "select_n", "while")


def test_every_fault_in_a_sample_of_batching_rules_is_noticed() -> None:
    globs = [argument for name in SAMPLE for argument in ("--rules", name)]
    ran = CliRunner().invoke(mutants, [*globs, "-n", "1"], standalone_mode=False)
    assert ran.return_value == 0, ran.output
    killed, applied, rules = map(
        int, re.findall(r"(\d+) of (\d+) pairs .* in (\d+) rules", ran.output)[0]
    )
    assert rules == len(SAMPLE)
    assert killed == applied >= 3 * len(SAMPLE)
    assert "survived" not in ran.output
