"""The names that a user's sources use: aliases, from-imports, scopes, keywords; which files are read."""

from pathlib import Path

import pytest

from conformance.observations.record import Absent, needed
from conformance.upgrade.sources import scan, uses_in


def used(source: str) -> list[tuple[int, str]]:
    return [(use.line, use.name) for use in uses_in(source, "f.py")]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import jax\njax.numpy.fix(1)", [(1, "jax"), (2, "jax.numpy.fix")]),
        ("import jax.numpy as jnp\njnp.fix", [(1, "jax.numpy"), (2, "jax.numpy.fix")]),
        ("import jax.numpy\njax.tree_map", [(1, "jax.numpy"), (2, "jax.tree_map")]),
        ("from jax import core\ncore.get_aval", [(1, "jax.core"), (2, "jax.core.get_aval")]),
        (
            "from jax.core import get_aval as g\ng(1)",
            [(1, "jax.core.get_aval"), (2, "jax.core.get_aval")],
        ),
        ("from flax import linen as nn\nnn.Module", [(1, "flax.linen"), (2, "flax.linen.Module")]),
        (
            "import jax.numpy as jnp\nf = jnp.fix\nf(1)",
            [(2, "jax.numpy.fix"), (3, "jax.numpy.fix")],
        ),
        ("from jax import (\n    jit,\n    pmap,\n)", [(2, "jax.jit"), (3, "jax.pmap")]),
        (
            "import jax\n@jax.jit\ndef f(x: jax.Array) -> jax.Array: ...",
            [(2, "jax.jit"), (3, "jax.Array")],
        ),
        (
            "def f():\n    import jax.numpy as jnp\n    return jnp.fix\njnp.fix",
            [(2, "jax.numpy"), (3, "jax.numpy.fix")],
        ),
    ],
)
def test_names_are_followed_from_their_import(source: str, names: list[tuple[int, str]]) -> None:
    assert used(source)[-len(names) :] == names


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as jnp\njnp.fix(1)",
        "from . import jax\njax.pmap",
        "from .jax import pmap\npmap",
        "import jax.numpy as jnp\ndef f(jnp):\n    return jnp.fix",
        "import jax.numpy as jnp\nf = lambda jnp: jnp.fix",
        "import jax.numpy as jnp\njnp = object()\njnp.fix",
        "x.jax.numpy.fix",
        "from jax.numpy import *\nfor fix in range(2): fix",
        "from jax.numpy import *\ndef f(fix): return fix",
        "from numpy import *\nfix(1)",
    ],
)
def test_what_is_not_the_library_is_left_alone(source: str) -> None:
    assert not any(name.endswith(("fix", "pmap")) for _, name in used(source))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from jax.numpy import *\nfix(1)", "jax.numpy.fix"),
        ("from flax.linen import *\nfrom jax.numpy import *\nfix(1)", "jax.numpy.fix"),
        ("from jax import *\nnumpy.fix(1)", "jax.numpy.fix"),
    ],
)
def test_a_name_that_the_file_binds_nowhere_is_of_what_it_imports_with_a_star(
    source: str, name: str
) -> None:
    assert name in [name for _, name in used(source)]


MODULE = "from flax import linen as nn\nclass M(nn.Module):"
OPTIMIZER = "flax.nnx.Optimizer.update"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from flax import nnx\no = nnx.Optimizer(1)\no.update(1)", OPTIMIZER),
        ("from flax import nnx\no: nnx.Optimizer = make()\no.update(1)", OPTIMIZER),
        ("from flax import nnx\ndef f(o: nnx.Optimizer): o.update(1)", OPTIMIZER),
        ("from flax import nnx\ndrop = nnx.Dropout(1)\ndrop(1)", "flax.nnx.Dropout.__call__"),
        ("import jax.numpy as jnp\ny = jnp.asarray(1)\ny.clip(1)", "jax.Array.clip"),
        (
            "from flax import linen as nn\nclass M(nn.Module):\n def f(self): self.has_rng('a')",
            "flax.linen.Module.has_rng",
        ),
        (
            "from flax import linen as nn\nclass M(nn.Module): ...\nm = M()\nm.tabulate(1)",
            "flax.linen.Module.tabulate",
        ),
    ],
)
def test_a_method_is_followed_through_a_variable(source: str, name: str) -> None:
    assert name in [name for _, name in used(source)]


@pytest.mark.parametrize(
    "source",
    [
        f"{MODULE}\n def has_rng(self): ...\n def f(self): self.has_rng('a')",
        f"{MODULE}\n def f(self):\n  self.has_rng = 1\n  return self.has_rng",
        "from flax import linen as nn\nclass M(Mixin, nn.Module):\n def f(self): self.has_rng('a')",
        "from flax import nnx\ndef f(o): o.has_rng(1)\no = nnx.Optimizer(1)\no = g(o)\no.has_rng",
    ],
)
def test_what_a_class_of_the_users_may_define_is_left_alone(source: str) -> None:
    assert not any("has_rng" in name for _, name in used(source))


def test_a_method_has_its_keywords_and_its_object_is_no_use_of_the_class() -> None:
    uses = uses_in("from flax import nnx\no = nnx.Optimizer(1)\no.update(grads=1)\nf(o)", "f.py")
    assert [(use.line, use.name, use.keywords) for use in uses[2:]] == [
        (3, "flax.nnx.Optimizer.update", ("grads",))
    ]


_MAKES = "from flax import nnx\n{}class S({}):\n  def __init__(self, m, tx):\n    {}\n"


@pytest.mark.parametrize(
    ("before", "base", "call", "found"),
    [
        ("", "nnx.Optimizer", "super().__init__(m, tx)", [(2, ())]),
        ("", "nnx.Optimizer", "super().__init__(m, tx, wrt=None)", [(2, ("wrt",))]),
        ("", "nnx.Optimizer", "super().update(m)", []),
        ("", "object", "super().__init__(m, tx)", []),
        ("", "nnx.Optimizer, Mixed", "super().__init__(m, tx)", []),
        ("class A(nnx.Optimizer):\n  pass\n", "A", "super().__init__(m, tx)", []),
    ],
)
def test_what_a_derived_class_makes_its_object_by_is_a_call_of_the_class(
    before: str, base: str, call: str, found: list[tuple[int, tuple[str, ...]]]
) -> None:
    uses = uses_in(_MAKES.format(before, base, call), "a.py")
    line = 4 + before.count("\n")
    assert [(use.positional, use.keywords) for use in uses if use.line == line] == found


def test_an_expression_that_asks_first_is_guarded() -> None:
    (use,) = uses_in("from jax import numpy\nnumpy.fix if hasattr(numpy, 'fix') else 0", "f.py")[
        1:2
    ]
    assert use.guarded


def test_a_call_has_its_keywords_and_a_chain_is_one_use() -> None:
    source = "import jax.numpy as jnp\ny = jnp.clip(x, a_min=jnp.zeros(3).at[0].set(1), a_max=2)\n"
    _, *uses = uses_in(source, "f.py")
    assert [(use.name, use.keywords) for use in uses] == [
        ("jax.numpy.clip", ("a_min", "a_max")),
        ("jax.numpy.zeros", ()),
    ]


@pytest.mark.parametrize("partial", ["partial", "functools.partial"])
def test_a_partial_has_the_keywords_of_what_it_is_of(partial: str) -> None:
    source = (
        f"import flax.linen as nn\n@{partial}(nn.vmap, f, in_axes=0, axis_size=3)\nclass C: ...\n"
    )
    _, use = uses_in(source, "f.py")
    assert (use.name, use.keywords, use.positional) == (
        "flax.linen.vmap",
        ("in_axes", "axis_size"),
        1,
    )
    _, use = uses_in("import jax\njax.vmap(f, 0)\n", "f.py")
    assert (use.name, use.keywords, use.positional) == ("jax.vmap", (), 2)


@pytest.mark.parametrize(
    ("call", "whole"),
    [
        ("jax.jit(f, static_argnums=0)", True),
        ("jax.jit(*given)", False),
        ("jax.jit(f, **given)", False),
        ("partial(jax.jit, f)", False),
        ("jax.jit(f), jax.jit(f, 0)", False),
        ("map(jax.jit, fs)", False),
    ],
)
def test_whether_all_arguments_of_a_call_are_there_to_read(call: str, whole: bool) -> None:
    *_, use = uses_in(f"import jax\n{call}\n", "f.py")
    assert (use.name, use.whole) == ("jax.jit", whole)


def test_files_are_read_once_and_what_is_not_the_users_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "import jax\njax.jit\n"
    for name in ("src/a.py", "src/sub/b.py", ".venv/c.py", "env2/lib/d.py", "build/e.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "env2" / "pyvenv.cfg").write_text("")
    (tmp_path / "src" / "broken.py").write_text("def f(:\n")
    (tmp_path / "src" / "null.py").write_bytes(b"x = '\0'\n")
    found = scan([tmp_path, tmp_path / "src", tmp_path / "src" / "a.py"])
    assert found.files == 4
    assert [(use.file, use.line) for use in found.uses if use.name == "jax.jit"] == [
        ("src/a.py", 2),
        ("src/sub/b.py", 2),
    ]
    assert [each.path for each in found.unreadable] == ["src/broken.py", "src/null.py"]


GUARDED = [
    (
        "try:\n    from jax import shard_map\nexcept ImportError:\n"
        "    from jax.experimental.shard_map import shard_map\nshard_map(f)\n"
    ),
    "import jax\nif hasattr(jax, 'typeof'):\n    f = jax.typeof\nelse:\n    f = jax.core.get_aval\nf(1)\n",
    "import jax\nif jax.__version__ < '0.10':\n    f = jax.core.get_aval\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from jax.core import Jaxpr\n",
    "try:\n    import jax.experimental.maps as m\nexcept (ImportError, TypeError):\n    m = None\n",
]


def test_a_try_that_raises_another_error_provides_for_nothing() -> None:
    source = (
        "try:\n    from jax import shard_map\nexcept ImportError:\n    raise ImportError('older')\n"
    )
    assert [use.guarded for use in uses_in(source, "f.py") if use.name == "jax.shard_map"] == [
        False
    ]


@pytest.mark.parametrize("source", GUARDED)
def test_what_the_code_provides_for_is_guarded_and_so_is_what_is_made_of_it(source: str) -> None:
    guarded = {use.name: use.guarded for use in uses_in(source, "f.py")}
    assert all(
        is_guarded for name, is_guarded in guarded.items() if name not in ("jax", "jax.__version__")
    )
    assert any(guarded.values())


@pytest.mark.parametrize(
    ("source", "guarded"),
    [
        ("if jax.__version__ > '0.5':\n    f = jax.core.get_aval\nelse:\n    f = jax.typeof", True),
        (
            (
                "if jax.__version__ > '0.5':\n    f = jax.core.get_aval(x, 1)\n"
                "else:\n    f = jax.core.get_aval(x)"
            ),
            False,
        ),
        (
            (
                "if hasattr(jax, 'core'):\n    if jax.__version__ > '0.5':\n        "
                "f = jax.core.get_aval(x, 1)\n    else:\n        f = jax.core.get_aval(x)"
            ),
            True,
        ),
        (
            (
                "def f(x):\n    if jax.__version__ > '0.9':\n        return jax.typeof(x)\n"
                "    return jax.core.get_aval(x)"
            ),
            True,
        ),
        (
            (
                "def f(x):\n    if jax.__version__ < '0.4':\n        raise OSError\n"
                "    return jax.core.get_aval(x)"
            ),
            False,
        ),
        ("f = jax.core.get_aval if jax.version.v else jax.core.get_aval", False),
    ],
)
def test_what_both_branches_use_is_provided_for_by_neither(source: str, guarded: bool) -> None:
    uses = uses_in(f"import jax\n{source}\n", "f.py")
    assert {use.guarded for use in uses if use.name == "jax.core.get_aval"} == {guarded}


def test_a_try_that_handles_something_else_guards_nothing() -> None:
    source = "import jax\ntry:\n    jax.jit(f)\nexcept ValueError:\n    jax.pmap(f)\n"
    assert not any(use.guarded for use in uses_in(source, "f.py"))


def test_a_flag_of_the_configuration_is_a_name() -> None:
    source = "import jax\njax.config.update('jax_enable_x64', True)\njax.config.update(name, 1)\n"
    assert used(source) == [
        (1, "jax"),
        (2, "jax.config.jax_enable_x64"),
        (2, "jax.config.update"),
        (3, "jax.config.update"),
    ]


def test_a_flag_that_jax_takes_by_update_alone_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import jax\njax.config.update('jax_platform_name', 'cpu')\njax.config.update('jax_no', 1)\n"
    )
    names = [use.name for use in scan([tmp_path]).uses if use.name.count(".") == 2]
    assert "jax.config.jax_platform_name" in names
    needed("jax.config.jax_platform_name")
    with pytest.raises(Absent):
        needed("jax.config.jax_no")
