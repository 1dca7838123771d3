"""The plugin is loaded into every pytest of a project that has this package, also an older one."""

import subprocess
import sys

import pytest

_LOAD = """
import pytest
for name in {lacking!r}:
    delattr(pytest, name)
import conformance.user_subjects.pytest_plugin as plugin
print(plugin.pytest_terminal_summary.__name__)
"""


@pytest.mark.parametrize("lacking", [[], ["TerminalReporter"]])
def test_it_loads_where_pytest_names_no_type_of_its_reporter(lacking: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD.format(lacking=lacking)], capture_output=True, text=True
    )
    assert done.stdout.strip() == "pytest_terminal_summary", done.stderr


def test_the_control_a_name_that_it_needs_is_missed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD.format(lacking=["hookimpl"])], capture_output=True, text=True
    )
    assert "hookimpl" in done.stderr
