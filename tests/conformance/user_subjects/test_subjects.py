"""Subjects of the user's own: in a run, in their test suite, and what is wrong with some of them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from conformance import own
from conformance.events.reader import read
from conformance.events.records import Result
from conformance.testing import assert_conforms
from conformance.transforms import TRANSFORMS
from conformance.user_subjects import subjects
from conformance.user_subjects.places import short
from properties.mutants import MUTANTS
from properties.subject import FunctionSubject
from properties.subjects import SUBJECTS

EXAMPLE = Path(__file__).parents[3] / "examples" / "own_subjects"


class Scaled(nn.Module):
    """A module with a parameter, statistics and noise, for one example (n,)."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        scale = self.param("scale", nn.initializers.normal(), x.shape)
        mean = self.variable("batch_stats", "mean", jnp.zeros, x.shape)
        if not self.is_initializing():
            mean.value = 0.9 * mean.value + 0.1 * x
        return nn.Dropout(0.5, deterministic=False)(x * scale)


def test_the_examples_own_tests_pass() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "--rootdir", str(EXAMPLE), "-c", os.devnull, str(EXAMPLE)],
        cwd=EXAMPLE,
        env={**environment, "PYTHONPATH": str(EXAMPLE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout


@pytest.mark.parametrize("how", ["option", "pyproject"])
def test_a_run_includes_the_users_subjects(
    ran: Callable[..., Any], tmp_path: Path, how: str
) -> None:
    log = tmp_path / "run.jsonl"
    option = ("--subjects", "conformance_subjects") if how == "option" else ()
    if how == "pyproject":
        table = '[tool.vmap-conformance]\nsubjects = ["conformance_subjects"]\n'
        (tmp_path / "pyproject.toml").write_text(table)
    got = ran(
        *("run", *option, "--subject", "my-similarity", "--transform", "jax.vmap"),
        *("-n", 1, "--log", log),
        PYTHONPATH=str(EXAMPLE),
    )
    assert got.status == 0
    assert "violated" not in got.err
    outcomes = {e.law: e.outcome for e in read(log) if isinstance(e, Result)}
    assert outcomes["mapping.equals-per-example"] == "holds"
    assert {e.subject for e in read(log) if isinstance(e, Result)} == {"my-similarity"}


@pytest.mark.parametrize("subcommand", ["run", "upgrade"])
@pytest.mark.parametrize("named", ['"mine"', "[1]", "{}"])
def test_a_project_that_names_no_list_of_modules_is_refused(
    ran: Callable[..., Any], tmp_path: Path, subcommand: str, named: str
) -> None:
    table = f"[tool.vmap-conformance]\nsubjects = {named}\n"
    (tmp_path / "pyproject.toml").write_text(table)
    between = ("--from", "installed", "--to", "installed") if subcommand == "upgrade" else ()
    got = ran(subcommand, *between)
    assert (got.status, got.out) == (2, "")
    (line,) = got.err.splitlines()
    assert line.endswith('and must be a list of modules, such as ["mymodel.subjects"]')


def test_a_violation_of_the_users_subject_has_a_script_that_shows_it(
    ran: Callable[..., Any], breaking: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    broken = breaking(
        "from conformance.transforms import TRANSFORMS\n"
        "from properties.mutants import MUTANTS\n"
        'TRANSFORMS["jax.vmap"] = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])\n'
    )
    path = broken["PYTHONPATH"] + os.pathsep + str(EXAMPLE)
    log = tmp_path / "run.jsonl"
    chosen = ("--subject", "my-similarity", "--law", "mapping.equals-per-example")
    got = ran(
        *("run", "--subjects", "conformance_subjects", *chosen, "--transform", "jax.vmap"),
        *("-n", 1, "--log", log),
        PYTHONPATH=path,
    )
    assert got.status == 1
    (script,) = (tmp_path / "run-violations").glob("*.py")
    shown = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,  # it finds the module where the run did
        capture_output=True,
        text=True,
        check=False,
    )
    # The installed jax.vmap is right, so the script finds nothing wrong with it.
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "they agree" in shown.stdout


OWN = """
import flax.linen as nn
import jax
import jax.numpy as jnp
from conformance import own


class Wide(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Dense(40)(x)
        # Where there are leading axes, an example meets the others.
        return x - x.mean(axis=0, keepdims=x.ndim > 1) if x.ndim > 1 else x * 2


def centred(x):
    return x - x.mean(axis=0) if x.ndim > 1 else x


def right(x):
    return x * 2.0


def by_norm_of_batch(kept, g):
    return (g / jnp.maximum(jnp.linalg.norm(g), 1.0),)


clipped = jax.custom_vjp(lambda x: x)
clipped.defvjp(lambda x: (x, None), by_norm_of_batch)


SUBJECTS = [
    own.module("wide", Wide(), [(3,)], batched=True),
    own.function("centred", centred, [("n",)], batched=True),
    own.function("clipped", clipped, [("n",)], batched=True),
    own.function("right", right, [("n",)], batched=True),
]
"""
"""Three subjects that mix the examples of a batch, and one that does not."""


@pytest.mark.parametrize(
    ("subject", "law", "status"),
    [
        ("wide", "sharing.native-broadcast", 1),
        ("centred", "mapping.whole-batch", 1),
        ("clipped", "gradients.whole-batch", 1),
        ("right", "mapping.whole-batch", 0),
        ("right", "gradients.whole-batch", 0),
    ],
)
def test_a_subject_that_mixes_a_batch_has_a_script_that_shows_it(
    ran: Callable[..., Any], tmp_path: Path, subject: str, law: str, status: int
) -> None:
    (tmp_path / "mixing.py").write_text(OWN)
    log = tmp_path / "run.jsonl"
    chosen = ("--subject", subject, "--law", law, "-n", 1, "--log", log)
    got = ran("run", "--subjects", "mixing", *chosen, PYTHONPATH=str(tmp_path))
    assert got.status == status, got.out
    scripts = list((tmp_path / "run-violations").glob("*.py"))
    assert len(scripts) == (1 if status else 0)
    for script in scripts:
        text = script.read_text()
        assert "this imports the module mixing, which lists it" in text
        # The weights are made from the seed.
        assert "variables = array" not in text
        shown = subprocess.run(
            [sys.executable, str(script)],
            cwd=script.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (shown.returncode, shown.stderr) == (1, "")
        assert "they differ" in shown.stdout
        again = ran(
            "replay", script.with_suffix(".json"), "--subjects", "mixing", PYTHONPATH=str(tmp_path)
        )
        assert again.status == 1


def test_a_module_with_statistics_and_noise_conforms() -> None:
    assert_conforms(Scaled(), [("n",)], streams=("params", "dropout"))


def test_an_nnx_module_is_a_function_of_its_state() -> None:
    nnx = pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    linear = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    subject = subjects.module("linear", linear, [(3,)])
    assert isinstance(subject, FunctionSubject)
    assert sorted(np.shape(a.draw(0, {}, "float32")) for a in subject.arguments[0]) == [
        (2,),
        (3, 2),
    ]
    assert_conforms(linear, [(3,)], ["jax.vmap"])


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_map_of_modules_maps_an_nnx_module_with_the_axes_of_its_state(
    monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    nnx = pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    if TRANSFORMS["flax.nnx.vmap"].unavailable():
        pytest.skip("this flax has another nnx.vmap")
    vmap, mapped = nnx.vmap, []

    def watched(function: Any, *, in_axes: Any, **options: Any) -> Any:
        def call(*arguments: Any) -> Any:
            mapped.append(arguments[0])
            output = vmap(function, in_axes=in_axes, **options)(*arguments)
            return jnp.flip(output) if is_broken else output

        return call

    monkeypatch.setattr(nnx, "vmap", watched)
    laws = ["mapping.equals-per-example"]
    linear = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    if is_broken:
        with pytest.raises(AssertionError, match=r"breaks mapping\.equals-per-example"):
            assert_conforms(linear, [(3,)], ["flax.nnx.vmap"], laws=laws)
    else:
        assert_conforms(linear, [(3,)], ["flax.nnx.vmap"], laws=laws)
    assert any(isinstance(each, nnx.Linear) for each in mapped)


def test_a_broken_transform_is_told_with_call_and_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])
    monkeypatch.setitem(TRANSFORMS, "jax.vmap", broken)
    with pytest.raises(AssertionError, match="in reverse order") as told:
        assert_conforms(jnp.tanh, [("n", 2)], ["jax.vmap"])
    assert "mapping.equals-per-example" in str(told.value)


def test_what_is_registered_for_a_check_is_gone_after_it() -> None:
    before = set(SUBJECTS)
    assert_conforms(jnp.tanh, [("n",)], ["jax.vmap"])
    assert set(SUBJECTS) == before


def test_a_function_that_rounding_decides_is_no_silent_pass() -> None:
    def chaos(x: Any) -> Any:
        return jnp.sin(1e9 * jnp.exp(x))

    with pytest.raises(
        AssertionError, match=r"jax.vmap is asked for and cannot be checked: .*rounding"
    ):
        assert_conforms(chaos, [("n",)], ["jax.vmap"])
    with pytest.raises(AssertionError, match=r"no law could be checked of chaos.*rounding"):
        assert_conforms(chaos, [("n",)], laws=["mapping.equals-per-example"])


def test_a_function_of_indices_that_gives_several_arrays_has_no_gradient_and_is_held() -> None:
    def rows(table: Any, places: Any) -> Any:
        return table[places], {"sum": table.sum()}

    inputs = [("m", "n"), own.indices("k", below="m")]
    assert_conforms(rows, inputs, ["jax.vmap"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"transforms": ["jax.vmpa"]},
            "there is no transform 'jax.vmpa': did you mean 'jax.vmap'",
        ),
        ({"profile": "fast"}, "there is no profile 'fast'"),
    ],
)
def test_a_name_that_is_not_known_is_said(arguments: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        assert_conforms(jnp.tanh, [("n",)], **arguments)


def test_inputs_that_a_subject_does_not_take_are_said() -> None:
    with pytest.raises(
        subjects.SubjectsError, match=r"'mm' does not take inputs of shapes .*\(2, 3\)"
    ):
        subjects.function("mm", jnp.matmul, [(2, 3), (2, 3)])


UNTRACEABLE: dict[str, tuple[Callable[..., Any], str]] = {
    "if": (
        lambda x: x if x.sum() > 0 else -x,
        "branches in Python .*: use jnp.where or jax.lax.cond",
    ),
    "range": (
        lambda x: sum(range(jnp.argmax(x))) + x,
        "uses as a Python integer.*: use jax.lax.fori_loop",
    ),
    "float": (lambda x: x * float(x.sum()), "makes a Python number,.*: leave it an array"),
    "size": (
        lambda x: jnp.zeros(x.argmax()),
        "makes an array whose size .*: take sizes from shapes",
    ),
    "numpy": (lambda x: np.asarray(x) + 1, "makes a NumPy array .*: use jax.numpy"),
    "mask": (lambda x: x[x > 0], "indexes an array by booleans .*: use jnp.where"),
}


@pytest.mark.parametrize(("function", "said"), UNTRACEABLE.values(), ids=UNTRACEABLE)
def test_what_cannot_be_traced_is_told_from_wrong_shapes(
    function: Callable[..., Any], said: str
) -> None:
    with pytest.raises(subjects.SubjectsError, match=f"^the subject 'f' {said}") as raised:
        subjects.function("f", function, [(2,)])
    line = function.__code__.co_firstlineno
    assert f"({short(__file__)}, line {line})" in str(raised.value)


WRONG = {
    "nothing": ("SUBJECTS = None", "SUBJECTS of nothing is None, not a list of subjects"),
    "leaving": ("import sys; sys.exit(0)", "leaving cannot be imported: SystemExit: 0"),
    "no_such_module_here": (None, "no_such_module_here cannot be imported: ModuleNotFoundError"),
    "raises": ("1 / 0", "raises cannot be imported: ZeroDivisionError: division by zero"),
    "lists_none": ("", "lists_none has no list SUBJECTS"),
    "lists_other": ("SUBJECTS = [3]", "lists_other lists 3, which is no subject"),
    "taken": (
        (
            "import jax.numpy as jnp\nfrom conformance import own\n"
            "SUBJECTS = [own.function('square', jnp.square, [('n',)])]"
        ),
        "taken: there is a subject 'square' already",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_module_of_subjects_that_cannot_be_used_is_two_in_one_line(
    ran: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    source, said = WRONG[name]
    if source is not None:
        (tmp_path / f"{name}.py").write_text(source)
    got = ran("run", "--subjects", name, "-n", 0)
    assert (got.status, got.out) == (2, "")
    (line,) = got.err.splitlines()
    assert said in line


def test_a_broken_pyproject_is_three_in_one_line(ran: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    got = ran("run", "-n", 0)
    assert (got.status, got.out) == (3, "")
    assert got.err.startswith("Error: pyproject.toml cannot be read")
    assert json.dumps(got.err).count("\\n") == 1


@pytest.mark.parametrize(
    ("name", "module", "inputs"),
    [
        ("dense", nn.Dense(3), [(4,)]),
        ("embed", nn.Embed(5, 4), [own.indices(3, below=5)]),
        ("batch-norm", nn.LayerNorm(), [("m", 4)]),
        ("repeated", nn.Dense(3, use_bias=False), [(4,)]),
    ],
)
def test_a_users_module_may_have_the_name_of_one_of_the_suites(
    name: str, module: nn.Module, inputs: list[Any]
) -> None:
    subject = own.module(name, module, inputs)
    laws = ["sharing.equals-per-example", "sharing.synchronised", "sharing.no-batch-axis"]
    assert_conforms(subject, laws=laws)
