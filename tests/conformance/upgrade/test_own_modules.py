"""Names of JAX and Flax that a file has from the user's own modules."""

from pathlib import Path

import pytest

from conformance.upgrade.sources import scan

COMPAT = """
import jax.numpy as jnp
from jax.lib import xla_bridge
from jax.core import Primitive as P

try:
    from jax import shard_map
except ImportError:
    from jax.experimental.shard_map import shard_map


def helper():
    return jnp.ones(2)
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from lab.compat import xla_bridge\ny = xla_bridge.get_backend()", {"get_backend"}),
        ("from .compat import P\np = P('a')", {"Primitive"}),
        ("from . import compat\np = compat.P('a')", {"Primitive"}),
        ("from lab import compat as c\np = c.xla_bridge.get_backend()", {"get_backend"}),
        ("import lab.compat\np = lab.compat.P('a')", {"Primitive"}),
        ("import lab.compat as c\np = c.jnp.fix(2)", {"fix"}),
        ("from lab.compat import *\np = jnp.fix(2)", {"fix"}),
        ("from lab import jnp as other\np = other.fix(2)", {"fix"}),
        ("from lab.compat import helper\np = helper()", set()),
        ("from lab.compat import shard_map\np = shard_map(f)", set()),
        ("from other.compat import P\np = P('a')", set()),
        ("from lab.compat import P\ndef f(P):\n    return P('a')", set()),
    ],
)
def test_what_a_module_has_of_jax_is_used_where_it_is_imported_from_there(
    tmp_path: Path, text: str, names: set[str]
) -> None:
    package = tmp_path / "lab"
    package.mkdir()
    (package / "__init__.py").write_text("import jax.numpy as jnp\n")
    (package / "compat.py").write_text(COMPAT)
    (package / "mine.py").write_text(f"{text}\n")
    found = [use for use in scan([tmp_path]).uses if use.file.endswith("mine.py")]
    assert {use.name.rpartition(".")[2] for use in found} == names
    assert all(use.line > 1 for use in found)


def test_a_module_of_a_name_that_several_have_is_not_followed(tmp_path: Path) -> None:
    for package in ("a", "b"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "compat.py").write_text(COMPAT)
    (tmp_path / "mine.py").write_text("from compat import P\np = P('a')\n")
    assert not [use for use in scan([tmp_path]).uses if use.file.endswith("mine.py")]


def test_a_module_of_pythons_own_is_no_module_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "random.py").write_text("from jax.random import uniform\n")
    (tmp_path / "mine.py").write_text("import random\nx = random.uniform(0, 1)\n")
    assert not [use for use in scan([tmp_path]).uses if use.file.endswith("mine.py")]
