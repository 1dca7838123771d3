"""A script holds what it needs of the files that it was made of."""

import pytest

from conformance.violations.script.pruning import needed

CODE = '''"""What the file is."""

import os
import sys
from typing import Any

TABLE = {1: 2}
"""What the table says."""
OTHER: Any = 3


# Why this is so.
@staticmethod
def used(x):
    return TABLE[x]


def unused(x):
    return os.getcwd()


class Kept:
    def call(self):
        return used(1)


sys.path.append("here")
made = unknown(4)
got = Kept()
'''


def test_what_nothing_needs_is_left_out():
    assert needed(CODE, "got") == (
        'import sys\n\nTABLE = {1: 2}\n"""What the table says."""\n\n\n'
        "# Why this is so.\n@staticmethod\ndef used(x):\n    return TABLE[x]\n\n\n"
        "class Kept:\n    def call(self):\n        return used(1)\n\n\n"
        'sys.path.append("here")\nmade = unknown(4)\ngot = Kept()'
    )


@pytest.mark.parametrize(
    ("elsewhere", "kept"), [("OTHER", "from typing import Any"), ("unused(1)", "import os")]
)
def test_a_name_elsewhere_is_needed_and_what_it_needs(elsewhere, kept):
    assert kept in needed(CODE, elsewhere)
    assert kept not in needed(CODE, "got")


def test_code_that_is_none_stays():
    assert needed("lambda x:", "") == "lambda x:"
