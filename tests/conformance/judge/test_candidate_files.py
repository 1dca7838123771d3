"""Files in `candidates/` get the verdict that their first line names, and harm nobody.

They are right solutions in unusual styles, wrong ones that are right in most calls, and attacks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge import check_file

FILES = {path.stem: path for path in sorted((Path(__file__).parent / "candidates").glob("*.py"))}
REFUSED_ONCE = (
    "right_disable_jit",
    "right_jit_whole_key_argument",
    "right_other_argument_names",
    "right_own_file_read",
    "right_positional_only",
    "right_star_imports",
    "right_vmap_object",
)
CASES = [
    (name, level)
    for name in FILES
    for level in ("namespaces", "process")
    if level == "process" or name in REFUSED_ONCE or name.startswith("attack_")
]
"""Other styles are judged at the level that has no namespaces; `test_honest_styles.py` takes the best."""
SQUARE = "def vectorized_square(x):\n    return x * x\n"


@pytest.mark.parametrize(("name", "level"), CASES)
def test_a_file_gets_the_verdict_that_it_names(
    name: str, level: str, sessions: Callable, nothing_left: Callable
) -> None:
    expected = FILES[name].read_text().splitlines()[0].removeprefix("# expect: ")
    verdicts = check_file.check_file(sessions(level, patience=20.0), FILES[name])
    assert [each.verdict for each in verdicts] == [expected], verdicts
    nothing_left(level)


@pytest.mark.parametrize("level", ["namespaces", "process"])
def test_source_that_no_compiler_bears_is_an_error_and_the_next_file_is_judged(
    level: str, judge: Callable
) -> None:
    for number, source in enumerate(
        (
            f"def f(x):\n    return x{'.real' * 120_000}\n",
            f"x = {'-' * 300_000}1\n",
            f"x = {'(' * 150_000}1{')' * 150_000}\n",
        )
    ):
        (verdict,) = judge(source + SQUARE, level=level, name=f"deep_{number}.py", patience=20.0)
        assert verdict.verdict in ("error", "crashed"), verdict
    (verdict,) = judge(SQUARE, level=level, patience=20.0)
    assert verdict.verdict == "conforms", verdict
