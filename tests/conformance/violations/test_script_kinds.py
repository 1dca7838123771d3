"""Each kind of violation has a script that fails on the broken transform and passes on the honest one."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import attrs
import jax
import numpy as np
import pytest

from conformance.transforms import TRANSFORMS
from conformance.violations.script import script
from properties import applicability
from properties.call import Axes, FunctionCall, ModuleCall
from properties.compare import Mismatch, exactly
from properties.law import Violation, violation
from properties.laws import LAWS
from properties.laws.randomness import DIFFERENT
from properties.profile import PROFILES
from properties.run_law import draw, run_law
from properties.subjects import SUBJECTS

from .conftest import statuses

EQUALS = "mapping.equals-per-example"
STRUCTURE = "mapping.preserves-structure"

BREAKS = {
    "value": "lambda *a: jax.tree_util.tree_map(lambda x: x[::-1] + 1, mapped(*a))",
    "program": "lambda *a: jax.tree_util.tree_map(lambda x: ~x if x.dtype == bool else x + 1, mapped(*a))",
    "shape": "lambda *a: jax.tree_util.tree_map(lambda x: x[None], mapped(*a))",
    "tree": "lambda *a: [mapped(*a)]",
    "raised": "lambda *a: 1 / 0",
    "weak": "lambda *a: jax.tree_util.tree_map(weakly, mapped(*a))",
    "second": "second_call_differs(mapped)",
    "retraced": "lambda *a: (mapped(*a), jax.clear_caches())[0]",
    "accepted": "lambda *a: 0",
    "taken": "lambda *a: 0",
    "another": "lambda *a: {}[0]",
    "unnamed": "lambda *a: int('x')",
}
"""What a broken map does in place of ``mapped``."""

BREAKING = """
import jax


def weakly(x):
    from jax._src.lax import lax

    return lax._convert_element_type(x, weak_type=True)


def second_call_differs(mapped):
    calls = []

    def call(*arguments):
        calls.append(0)
        got = mapped(*arguments)
        return jax.tree_util.tree_map(lambda x: x + len(calls) - 1, got)

    return call


def broken(mapped):
    return {code}
"""

PATCH = """
honest = jax.vmap
jax.vmap = lambda *a, **k: broken(honest(*a, **k))
"""

KINDS = {
    # What the map does, under which law it is found, and the kind of mismatch.
    "value": (EQUALS, "matrix-add", "value"),
    "program": ("mapping.generated-program", "program-control", "value"),
    "shape": (EQUALS, "matrix-add", "structure"),
    "tree": (EQUALS, "matrix-add", "structure"),
    "raised": (EQUALS, "matrix-add", "raised"),
    "weak": (STRUCTURE, "matrix-add", "structure"),
    "second": ("mapping.jit-agrees", "matrix-add", "value"),
    "retraced": ("mapping.jit-agrees", "matrix-add", "value"),
    "accepted": ("errors.sizes-disagree", "matrix-add", "accepted"),
    "taken": ("errors.within-the-function", "softmax", "accepted"),
    "another": ("errors.sizes-disagree", "matrix-add", "raised"),
    "unnamed": ("errors.sizes-disagree", "matrix-add", "unnamed"),
}


def found_by(fault: str, law_id: str, subject: str) -> Violation:
    """The first violation that the law finds in a broken `jax.vmap`."""
    names: dict[str, Any] = {}
    exec(BREAKING.replace("{code}", BREAKS[fault]), names)
    honest, law = TRANSFORMS["jax.vmap"], LAWS[law_id]
    broken = attrs.evolve(honest, map=lambda f, axes: names["broken"](honest.map(f, axes)))
    for call in draw(law, honest, SUBJECTS[subject], PROFILES["quick"]):
        found = violation(law, broken, call)
        if found is not None:
            return found
    raise AssertionError(f"{law_id} does not notice {fault}")


@pytest.mark.parametrize("fault", KINDS)
def test_the_script_fails_on_the_broken_map_and_passes_on_the_honest_one(
    fault: str, tmp_path: Path
) -> None:
    law, subject, kind = KINDS[fault]
    found = found_by(fault, law, subject)
    assert found.mismatch.kind == kind
    text = script(LAWS[law], TRANSFORMS["jax.vmap"], found)
    broken = BREAKING.replace("{code}", BREAKS[fault]) + PATCH
    assert statuses(tmp_path, [text], broken) == ["1"]
    assert statuses(tmp_path, [text]) == ["0"]


REFUSING = (
    "import jax\n\n\ndef no_map(*given, **named):\n    raise ValueError\n\n\njax.vmap = no_map\n"
)


def test_a_function_that_raises_by_itself_is_called_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    law, transform, psum = LAWS[EQUALS], TRANSFORMS["jax.vmap"], SUBJECTS["lax.psum"]
    applicability.refusal.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(jax, "vmap", lambda *given, **named: {}[0])
        found = run_law(law, transform, psum, PROFILES["quick"]).violation
    applicability.refusal.cache_clear()
    assert found is not None
    text = script(law, transform, found)
    assert statuses(tmp_path, [text], REFUSING) == ["1"]
    assert statuses(tmp_path, [text]) == ["0"]


DENSE = ModuleCall(
    "dense",
    {"batch": 3, "m": 2, "n": 4},
    (Axes((1,), 1),),
    key=5,
    variable_axes={"params": None},
    split_rngs={"params": False},
)
RAISING = "import flax.linen\nflax.linen.vmap = lambda *a, **k: 1 / 0\n"


@pytest.mark.parametrize("what", ["init", "apply", "names"])
def test_a_lift_that_raised_is_waited_for_and_no_traceback(what: str, tmp_path: Path) -> None:
    wrong = Mismatch("raised", "it raised", "float32[3]", "E", raised=ZeroDivisionError("by zero"))
    call = attrs.evolve(DENSE, subject_name="partitioned-dense") if what == "names" else DENSE
    law, transform = LAWS["sharing.no-batch-axis"], TRANSFORMS["flax.linen.vmap"]
    text = script(law, transform, Violation(call, wrong, what))
    assert statuses(tmp_path, [text], RAISING) == ["1"]
    assert statuses(tmp_path, [text]) == ["0"]


def test_draws_that_must_differ_are_counted(tmp_path: Path) -> None:
    (draws,) = [s for s in SUBJECTS.values() if s.name == "draw-uniform"]
    call = FunctionCall(draws.name, {"batch": 3, "m": 4}, (Axes((0, None), 0),))
    wrong = Mismatch("value", "3 examples drew 1 different results, expected 3")
    found = Violation(call, wrong, DIFFERENT, expected=exactly(np.array(3)))
    law = LAWS["randomness.keys-draw-independently"]
    text = script(law, TRANSFORMS["jax.vmap"], found)
    same = "import jax\nhonest = jax.vmap\njax.vmap = lambda *a, **k: lambda *x: honest(*a, **k)(*x) * 0\n"
    assert statuses(tmp_path, [text], same) == ["1"]
    assert statuses(tmp_path, [text]) == ["0"]


def test_the_script_of_a_process_that_died_ends_it_and_passes_on_the_honest_one(
    tmp_path: Path,
) -> None:
    call = FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, (Axes((0,), 0),))
    found = Violation(call, Mismatch("raised", "the process died"), "apply")
    text = script(LAWS[EQUALS], TRANSFORMS["jax.vmap"], found)
    dies = "import jax, os\njax.vmap = lambda *a, **k: lambda *x: os.kill(os.getpid(), 9)\n"
    with pytest.raises(subprocess.CalledProcessError) as died:
        statuses(tmp_path, [text], dies)
    assert died.value.returncode == -signal.SIGKILL
    assert statuses(tmp_path, [text]) == ["0"]


def test_what_is_drawn_is_compared_with_what_the_same_release_draws(tmp_path: Path) -> None:
    call = FunctionCall("lax.random_gamma", {"batch": 3, "m": 2}, (Axes((0, 1), 1),))
    found = Violation(call, Mismatch("value", "values differ"), "apply")
    text = script(LAWS[EQUALS], TRANSFORMS["jax.vmap"], found)
    other = "import jax\njax.random.gamma = lambda k, a, dtype: jax.random.normal(k, a.shape) + a\n"
    assert statuses(tmp_path, [text], other) == ["0"]
    same = "honest = jax.vmap\njax.vmap = lambda *a, **k: lambda *x: honest(*a, **k)(*x)[::-1]\n"
    assert statuses(tmp_path, [text], other + same) == ["1"]
