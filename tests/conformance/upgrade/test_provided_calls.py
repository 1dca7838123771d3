"""A call that is made for one release alone is no work: the user has provided for the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.events.user_code import Use
from conformance.upgrade.for_you import ForYou
from conformance.upgrade.sources.uses import uses_in
from tests.conformance.upgrade.user_sides import found, side

CLIP = "signatures/jax.numpy.clip"
WAS = {"keywords": ["a_min", "min"], "positional": ["arr"], "required": [], "any": False}
NOW = {"keywords": ["min"], "positional": ["arr"], "required": [], "any": False}
IMPORTS = "import jax, jax.numpy as jnp\n"

ASKS = "if jax.__version_info__ < (0, 10):\n"
PROVIDED_BY_OTHER_ARGUMENTS = {
    "if": f"{ASKS}    y = jnp.clip(x, a_min=0)\nelse:\n    y = jnp.clip(x, min=0)\n",
    "expression": "y = jnp.clip(x, a_min=0) if jax.__version__ < '0.10' else jnp.clip(x, min=0)\n",
    "return": (
        f"def f(x):\n    {ASKS}        return jnp.clip(x, a_min=0)\n    return jnp.clip(x, min=0)\n"
    ),
    "signature": (
        "import inspect\nif 'min' in inspect.signature(jnp.clip).parameters:\n    y = jnp.clip(x, min=0)\n"
        "else:\n    y = jnp.clip(x, a_min=0)\n"
    ),
    "variable": (
        "NEW = jax.__version_info__ >= (0, 10)\ndef f(x):\n    if NEW:\n        return jnp.clip(x, min=0)\n"
        "    return jnp.clip(x, a_min=0)\n"
    ),
    "import": (
        "try:\n    from jax import fresh\n    NEW = True\nexcept ImportError:\n    NEW = False\n"
        "y = jnp.clip(x, min=0) if NEW else jnp.clip(x, a_min=0)\n"
    ),
    "try": "try:\n    y = jnp.clip(x, a_min=0)\nexcept TypeError:\n    y = jnp.clip(x, min=0)\n",
}
TO_DO = {
    "alone": "y = jnp.clip(x, a_min=0)\n",
    "of-something-else": "if x > 0:\n    y = jnp.clip(x, a_min=0)\nelse:\n    y = jnp.clip(x, min=0)\n",
    "of-a-variable": (
        "NEW = len(a) >= 3\nif NEW:\n    y = jnp.clip(x, a_min=0)\nelse:\n    y = jnp.clip(x, min=0)\n"
    ),
    "of-a-try": (
        "try:\n    import numba\n    NEW = f(True)\nexcept ImportError:\n    NEW = False\n"
        "y = jnp.clip(x, a_min=0) if NEW else jnp.clip(x, min=0)\n"
    ),
    "in-both": f"{ASKS}    y = jnp.clip(x, a_min=0)\nelse:\n    y = jnp.clip(x + 1, a_min=0)\n",
}


def moved(uses: tuple[Use, ...], was: Mapping[str, Any], now: Mapping[str, Any]) -> ForYou:
    """What is said of a move from jax 0.9.2 to 0.10.2."""
    return found(
        side({}, was, uses=uses, versions={"jax": "0.9.2"}),
        side({}, now, uses=uses, versions={"jax": "0.10.2"}),
    )


def told(source: str) -> tuple[list[str], list[str]]:
    """The sentences of what is to do, and of what is to know, of one file."""
    uses = tuple(uses_in(IMPORTS + source, "a.py"))
    mine = moved(uses, {CLIP: WAS}, {CLIP: NOW})
    return [line.sentence for line in mine.work], [line.sentence for line in mine.know]


@pytest.mark.parametrize("form", PROVIDED_BY_OTHER_ARGUMENTS)
def test_another_release_is_called_in_its_own_way(form: str) -> None:
    assert told(PROVIDED_BY_OTHER_ARGUMENTS[form]) == ([], [])


def test_what_another_name_provides_for_is_to_know() -> None:
    to_do, (known,) = told(
        f"{ASKS}    y = jnp.clip(x, a_min=0)\nelse:\n    y = jnp.maximum(x, 0)\n"
    )
    assert to_do == []
    assert known == "takes no a_min= since jax 0.10.0 (2026-04-16); your code provides for it"


@pytest.mark.parametrize("form", TO_DO)
def test_what_no_branch_provides_for_is_to_do(form: str) -> None:
    (sentence,), _ = told(TO_DO[form])
    assert sentence == "takes no a_min= since jax 0.10.0 (2026-04-16): use min="


OPTIMIZER = "signatures/flax.nnx.Optimizer"
ASKED = {"keywords": ["model", "tx"], "positional": ["model", "tx"], "required": ["model", "tx"]}
WRT = "if 'wrt' not in inspect.signature(nnx.Optimizer.__init__).parameters:\n"
ASKS_NOW = {**ASKED, "keywords": ["model", "tx", "wrt"], "required": ["model", "tx", "wrt"]}


@pytest.mark.parametrize("asks", [ASKS, WRT])
@pytest.mark.parametrize(("now", "to_do"), [("nnx.Param", 0), (None, 1)])
def test_a_branch_that_gives_what_is_asked_for_now_provides_for_it(
    now: str | None, to_do: int, asks: str
) -> None:
    given = "m, tx" if now is None else f"m, tx, wrt={now}"
    either = f"{asks}    o = nnx.Optimizer(m, tx)\nelse:\n    o = nnx.Optimizer({given})\n"
    uses = tuple(uses_in(f"from flax import nnx\n{IMPORTS}{either}", "a.py"))
    old, new = ({OPTIMIZER: {**each, "any": False}} for each in (ASKED, ASKS_NOW))
    assert len(moved(uses, old, new).work) == to_do


@pytest.mark.parametrize(
    ("source", "to_do"),
    [
        ("if hasattr(jax, 'set_mesh'):\n    y = jnp.clip(x, a_min=0)\n", 1),
        ("y = jnp.clip(x, a_min=0) if hasattr(jax, 'set_mesh') else None\n", 1),
        ("if not hasattr(jax, 'set_mesh'):\n    y = 0\nelse:\n    y = jnp.clip(x, a_min=0)\n", 1),
        # The new release has no such name, or takes the other branch.
        ("if hasattr(jax, 'tree_map'):\n    y = jnp.clip(x, a_min=0)\n", 0),
        ("if not hasattr(jax, 'set_mesh'):\n    y = jnp.clip(x, a_min=0)\n", 0),
        ("if hasattr(jax, 'set_mesh'):\n    y = 0\nelse:\n    y = jnp.clip(x, a_min=0)\n", 0),
        # Nor where something else is asked, too.
        ("if hasattr(jax, 'set_mesh') and OLD:\n    y = jnp.clip(x, a_min=0)\n", 0),
        (
            f"if hasattr(jax, 'set_mesh'):\n    {ASKS}        y = jnp.clip(x, a_min=0)\n",
            0,
        ),
        (
            (
                "if hasattr(jax, 'set_mesh'):\n    try:\n        y = jnp.clip(x, a_min=0)\n"
                "    except TypeError:\n        y = jnp.clip(x, min=0)\n"
            ),
            0,
        ),
    ],
)
def test_a_name_that_is_there_provides_for_no_other(source: str, to_do: int) -> None:
    uses = tuple(uses_in(IMPORTS + source, "a.py"))
    old = {CLIP: WAS, "names/jax.set_mesh": True, "names/jax.tree_map": True}
    new = {CLIP: NOW, "names/jax.set_mesh": True, "names/jax.tree_map": {"absent": ""}}
    assert len(moved(uses, old, new).work) == to_do


RUNS = {
    "numbers": "jax.__version_info__ >= (0, 6)",
    "more": "jax.__version_info__ > (0, 10)",
    "up-to": "jax.__version_info__ <= (0, 10, 2)",
    "equal": "jax.__version_info__ == (0, 10, 2)",
    "first-numbers": "jax.__version_info__[:2] > (0, 9)",
    "swapped": "(0, 6) <= jax.__version_info__",
    "version": "Version(jax.__version__) >= Version('0.6.0')",
    "parsed": "version.parse(jax.__version__) > version.parse('0.9.2')",
    "metadata": "Version(importlib.metadata.version('jax')) >= Version('0.6')",
    "split": "tuple(map(int, jax.__version__.split('.')[:2])) >= (0, 10)",
    "listed": "[int(n) for n in jax.__version__.split('.')] >= [0, 6]",
    "not": "not jax.__version_info__ < (0, 6)",
    "between": "jax.__version_info__ >= (0, 6) and jax.__version_info__ < (0, 11)",
    "variable": "NEW",
    "held": "RELEASE >= (0, 6)",
    "python": "sys.version_info >= (3, 8)",
}
DOES_NOT_RUN = {
    "numbers": "jax.__version_info__ < (0, 6)",
    "first-numbers": "jax.__version_info__[:2] <= (0, 9)",
    "just-that-one": "jax.__version_info__ > (0, 10, 2)",
    "version": "Version(jax.__version__) <= Version('0.9.2')",
    "not": "not NEW",
    "between": "jax.__version_info__ >= (0, 6) and jax.__version_info__ < (0, 10)",
    # What is not read: as text, '0.10.2' is before '0.6'; another question beside it; two
    # libraries; a variable that holds first one thing, then another.
    "text": "jax.__version__ >= '0.6'",
    "another-question": "jax.__version_info__ >= (0, 6) and OLD",
    "two-libraries": "jax.__version_info__ >= (0, 6) and flax.__version_info__ >= (0, 6)",
    "no-version": "Version(jax.__version__) >= Version('the newest')",
    "assigned-twice": "hasattr(jax, 'thread') or TWICE >= (0, 6)",
}
HELD = (
    "RELEASE = jax.__version_info__\nNEW = jax.__version_info__ >= (0, 6)\n"
    "TWICE = jax.__version_info__\nTWICE = TWICE[1:]\nimport sys, flax\n"
)


@pytest.mark.parametrize(
    ("test", "to_do"),
    [
        *(pytest.param(test, 1, id=f"runs-{name}") for name, test in RUNS.items()),
        *(pytest.param(test, 0, id=f"does-not-{name}") for name, test in DOES_NOT_RUN.items()),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "if {}:\n    y = jnp.clip(x, a_min=0)\n",
        "y = jnp.clip(x, a_min=0) if {} else 0\n",
        "def f():\n    if not ({}):\n        return 0\n    return jnp.clip(x, a_min=0)\n",
    ],
)
def test_a_version_that_the_new_release_has_provides_for_nothing(
    form: str, test: str, to_do: int
) -> None:
    uses = tuple(uses_in(IMPORTS + HELD + form.format(test), "a.py"))
    both = {"jax": "0.10.2", "python": "3.11.7"}
    old, new = (side({}, each, uses=uses, versions=both) for each in ({CLIP: WAS}, {CLIP: NOW}))
    assert len(found(old, new).work) == to_do


def test_a_version_held_in_a_function_is_asked_for_though_it_is_not_read() -> None:
    source = (
        "def f(x):\n    v = Version(jax.__version__)\n    if v < Version('0.6'):\n"
        "        return jnp.clip(x, a_min=0)\n    else:\n        return jnp.clip(x, min=0)\n"
    )
    assert told(source) == ([], [])


def test_a_removed_name_in_the_branch_that_runs_is_to_do() -> None:
    source = (
        "if jax.__version_info__ >= (0, 4, 31):\n    from jax.experimental.maps import xmap\n"
        "else:\n    from jax import xmap\n"
    )
    names = ("names/jax.experimental.maps.xmap", "names/jax.xmap")
    uses = tuple(uses_in(f"import jax\n{source}", "a.py"))
    mine = moved(uses, dict.fromkeys(names, True), {key: {"absent": "gone"} for key in names})
    assert [(line.what, line.where) for line in mine.work] == [
        ("jax.experimental.maps.xmap", "a.py:3")
    ]
    assert [(line.what, line.where) for line in mine.know] == [("jax.xmap", "a.py:5")]


def test_a_renamed_argument_that_has_to_be_given_is_one_thing_to_do() -> None:
    key = "signatures/jax.numpy.reshape"
    was = {"keywords": ["newshape", "shape"], "positional": ["a"], "required": ["a"], "any": False}
    now = {
        "keywords": ["shape"],
        "positional": ["a", "shape"],
        "required": ["a", "shape"],
        "any": False,
    }
    for call, sentences in {
        "jnp.reshape(x, newshape=n)": ["takes no newshape= any more: use shape="],
        "jnp.reshape(x)": ["needs shape= now"],
    }.items():
        uses = tuple(uses_in(f"{IMPORTS}{call}\n", "a.py"))
        mine = found(side({}, {key: was}, uses=uses), side({}, {key: now}, uses=uses))
        assert [line.sentence for line in mine.work] == sentences
