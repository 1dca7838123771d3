"""The script of a violation runs anywhere, and tells a mismatch from an agreement."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from conformance.events import details
from conformance.events.records import Result
from conformance.mutation.kill_matrix import host
from conformance.reporting import artifacts
from conformance.runner.installed_defects import defects_of_call, installed_defects
from conformance.transforms import TRANSFORMS
from conformance.violations.script import script
from properties.call import Axes, Call, FunctionCall, ModuleCall
from properties.compare import Mismatch
from properties.law import Law, Violation, load
from properties.law import violation as checked
from properties.laws import LAWS
from properties.mutants import MUTANTS
from properties.profile import PROFILES
from properties.run_law import run_law
from properties.subjects import SUBJECTS
from properties.transform import Transform
from properties.trees import literal

from .conftest import statuses

ALLOWED = {"os", "sys", "jax", "flax", "numpy", "typing", "collections"}


def endings(place: Path, scripts: dict[str, str]) -> dict[str, str]:
    """`statuses`, by name."""
    return dict(zip(scripts, statuses(place, [*scripts.values()]), strict=True))


def of(call: Any, law: str, transform: str, what: str) -> str:
    """The script for a call that the honest transform does not violate."""
    found = Violation(call, Mismatch("value", "made up"), what)
    return script(LAWS[law], TRANSFORMS[transform], found)


EQUALS = "mapping.equals-per-example"
SHARED = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
DENSE = ModuleCall("dense", {"batch": 3, "m": 2, "n": 4}, (Axes((1,), 1),), key=5, **SHARED)
SPLIT = DENSE.with_params(None, split=True)

CALLS: dict[str, tuple[Any, str, str, str]] = {
    "function": (
        FunctionCall("linear", {"batch": 3, "m": 2, "n": 4}, (Axes((None, 1, 0), 1),)),
        EQUALS,
        "jax.vmap",
        "map",
    ),
    "trees": (
        FunctionCall("tanh-mlp", {"batch": 3, "m": 2, "k": 5, "n": 4}, (Axes((1, 0)),)),
        EQUALS,
        "jax.vmap",
        "map",
    ),
    "doubles": (
        FunctionCall(
            "lax.add", {"batch": 3, "m": 2, "n": 4}, (Axes((1, None), 2),), "float64", seed=4
        ),
        EQUALS,
        "jax.vmap",
        "map",
    ),
    "special values": (
        FunctionCall(
            "sort", {"batch": 5, "m": 4, "n": 6}, (Axes((2,), 1),), edge_values=True, seed=3
        ),
        EQUALS,
        "flax.linen.vmap",
        "map",
    ),
    "pmap": (
        FunctionCall("matmul", {"batch": 3, "m": 2, "k": 5, "n": 4}, (Axes((1, None)),), "int32"),
        "parallel.pmap-agrees-with-vmap",
        "jax.pmap",
        "map",
    ),
    "init": (
        attrs.evolve(DENSE.ensemble(), typed_keys=True),
        "sharing.ensemble-members",
        "flax.linen.vmap",
        "init",
    ),
    "apply": (
        ModuleCall(
            "batch-norm",
            {"batch": 3, "length": 2, "m": 4},
            (Axes((0,)),),
            {"params": None, "batch_stats": 0},
            {"params": False},
        ),
        "sharing.equals-per-example",
        "flax.linen.vmap",
        "apply",
    ),
    "plain": (
        attrs.evolve(DENSE, axes=(Axes((0,)),)),
        "sharing.native-broadcast",
        "flax.linen.vmap",
        "plain",
    ),
}

# What a wrong transform could have given in place of `got`.
WRONG = {
    "values": "lambda leaf: leaf[::-1]",
    "shape": "lambda leaf: leaf[None]",
    "dtype": "lambda leaf: np.asarray(leaf).astype(np.float64)",
}


def edited(text: str, change: str) -> str:
    assert text.count("\ngot_leaves = ") == 1
    return text.replace(
        "\ngot_leaves = ",
        f"\ngot = jax.tree_util.tree_map({change}, got)\ngot_leaves = ",
    )


def test_scripts_agree_where_the_transform_is_honest_and_differ_where_not(tmp_path: Path) -> None:
    wanted, scripts = [], []
    for name, arguments in CALLS.items():
        honest = of(*arguments)
        scripts.append(honest)
        wanted.append((name, "honest", "0"))
        for change, source in (
            WRONG.items() if name == "function" else [("values", WRONG["values"])]
        ):
            scripts.append(edited(honest, source))
            wanted.append((name, change, "1"))
    got = statuses(tmp_path, scripts)
    assert [(*key, status) for (*key, _), status in zip(wanted, got, strict=True)] == wanted


def test_where_an_exception_was_due_the_script_looks_for_it(tmp_path: Path) -> None:
    def wants(kind: str, call: ModuleCall) -> str:
        wrong = Mismatch("accepted", "it was accepted", got="accepted", due=kind)
        found = Violation(call, wrong, "init")
        return script(LAWS["sharing.split-table"], TRANSFORMS["flax.linen.vmap"], found)

    scripts = [
        wants("ValueError", SPLIT),
        wants("TypeError", SPLIT),
        wants("InvalidRngError", DENSE.without_stream("params")),
        wants("ValueError", DENSE),
    ]
    assert statuses(tmp_path, scripts) == ["0", "1", "0", "1"]


@pytest.mark.parametrize("name", CALLS)
def test_script_imports_jax_flax_and_numpy_only(name: str) -> None:
    tree = ast.parse(of(*CALLS[name]))
    imported = {
        module.split(".")[0]
        for node in ast.walk(tree)
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "jax" in imported
    assert imported <= ALLOWED


def test_script_says_what_it_shows() -> None:
    message = 'it raised ValueError: a "bad" \\N path\\x and """ quotes'
    call, law, transform, what = CALLS["function"]
    found = Violation(call, Mismatch("raised", message), what)
    text = script(LAWS[law], TRANSFORMS[transform], found)
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert docstring.startswith(f"{law} does not hold for {transform} on linear.")
    assert LAWS[law].sentence in docstring
    assert "\\N path\\x" in docstring


@pytest.mark.parametrize(
    "array",
    [
        np.array([0.1, -0.0, np.nan, -np.inf, 1e-45, 3.4e38], np.float32),
        np.random.RandomState(0).standard_normal((7, 9)).astype(np.float32),
        np.array([[-(2**63), 2**63 - 1]], np.int64),
        np.array([2**32 - 1], np.uint32),
        np.array([True, False]),
        np.array(1.5, jnp.bfloat16),
        np.zeros((0, 2), np.float32),
    ],
    ids=lambda array: f"{array.dtype.name}{array.shape}",
)
def test_literal_keeps_every_bit(array: Any) -> None:
    def made(dtype: Any, shape: Any, values: Any) -> Any:
        return np.array(values, dtype).reshape(shape)

    names = {"array": made, "nan": np.nan, "inf": np.inf, "jnp": jnp}
    again = eval(literal({"a": (array,), "b": [array, {}, ()]}), names)
    for leaf in (again["a"][0], again["b"][0]):
        assert leaf.dtype == array.dtype
        assert leaf.shape == array.shape
        assert leaf.tobytes() == array.tobytes()
    assert again["b"][1:] == [{}, ()]


def test_a_violation_leaves_a_script_and_a_case_that_shows_it_again(
    tmp_path: Path, violation: Callable[..., Result]
) -> None:
    found = violation("batch-reversed", "square")
    assert isinstance(found.detail, details.Violation)
    died = msgspec.structs.replace(
        found, outcome="crashed", detail=details.Casualty(reason="died", output="")
    )
    ((_, name),) = artifacts.save_violations([died, found], tmp_path / "run.jsonl").items()
    path = Path(name)
    assert path.parent == tmp_path / "run-violations"
    assert path.read_text() == found.detail.script
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".py"]
    law, transform, call = load(json.loads(path.with_suffix(".json").read_text()))
    again = checked(LAWS[law], TRANSFORMS[transform], call)
    assert again is not None
    assert str(again) == found.detail.message


FAULTS = {
    "axes.pytree-prefix": "tree-of-axes-misread",
    "axes.none-beside-a-tree": "axes-of-leaves",
    "axes.in-axes-permute": "in-axes-ignored",
    "axes.negative-count-from-end": "negative-axis-as-zero",
    "axes.out-axes-permute": "out-axes-ignored",
    "collectives": "psum-does-nothing",
    "collectives.gradients": "psum-gradient-not-summed",
    "gradients.forward": "derivative-halved",
    "gradients.shared-sum": "slice-zero-broadcast",
    "mapping.keeps-options": "precision-dropped",
    "mapping.axis-size": "out-axes-ignored",
    "mapping.preserves-structure": "out-axes-ignored",
    "errors": "wrong-axes-accepted",
    "errors.keywords": "keywords-left-out",
    "sharing.aliases": "aliases-accepted",
    "sharing.collections": "collections-in-front",
    "sharing.gradients": "gradient-halved",
    "sharing.metadata": "names-dropped",
    "sharing.nested": "options-upset-the-order",
    "sharing.options": "options-upset-the-order",
    "sharing.rng-streams": "streams-split-together",
    "sharing.synchronised": "statistics-of-one-example",
    "sharing.updates-differ": "first-update-kept",
}
GROUPS = sorted({law.split(".")[0] for law in LAWS} - {"randomness"})


def script_of_broken(law: Law, honest: Transform, fault: str) -> str | None:
    """What is written of the first subject on which a fault breaks the law; None where every call of
    it shows a defect that the release has."""
    broken = MUTANTS[fault].mutate(honest)
    shows = defects_of_call(law, honest.name)

    def exclude(call: Call) -> bool:
        return bool(shows(call))

    tried = 0
    for name in (
        "partitioned-dense",
        "batch-norm",
        "accumulator",
        "noisy-dense",
        "linear",
        "mlp-loss",
        "psum",
        "lax.dot_general.options",
    ):
        subject = SUBJECTS[name]
        if law.applies_to(broken, subject) and law.skip_reason(broken, subject) is None:
            held = run_law(law, broken, subject, PROFILES["ci"], exclude=exclude, shrink=False)
            if held.violation is not None:
                return script(law, honest, held.violation)
            tried += held.examples
    assert not tried, f"no subject shows {law.id} to be broken by {fault}"
    return None


@pytest.mark.parametrize("group", GROUPS)
def test_the_script_of_what_a_broken_transform_did_agrees_with_the_honest_one(
    group: str, tmp_path: Path
) -> None:
    scripts = {}
    for law in LAWS.values():
        fault = FAULTS.get(law.id, FAULTS.get(group))
        if not law.id.startswith(f"{group}.") or (group == "sharing" and fault is None):
            continue
        text = script_of_broken(law, TRANSFORMS[host(law)], fault or "batch-reversed")
        if text is not None:
            scripts[law.id] = text
    assert scripts
    assert endings(tmp_path, scripts) == dict.fromkeys(scripts, "0")


def test_the_script_of_each_known_defect_shows_it(tmp_path: Path) -> None:
    scripts = {}
    for defect in installed_defects():
        law, transform = LAWS[defect.law], TRANSFORMS[defect.transform]
        speaks = law.skip_reason(transform, SUBJECTS[defect.call.subject_name]) is None
        if speaks and not defect.crashes_process:
            found = checked(law, transform, defect.call)
            assert found is not None, defect.id
            scripts[defect.id] = script(law, transform, found)
    assert scripts
    assert endings(tmp_path, scripts) == dict.fromkeys(scripts, "1")


def test_the_scripts_of_nnx_agree_with_the_honest_transform(tmp_path: Path) -> None:
    honest = TRANSFORMS["flax.nnx.vmap"]
    if reason := honest.unavailable():
        pytest.skip(reason)
    laws = ["sharing.options", "sharing.gradients", "sharing.metadata", "sharing.rng-streams"]
    texts = {law: script_of_broken(LAWS[law], honest, FAULTS[law]) for law in laws}
    scripts = {law: text for law, text in texts.items() if text is not None}
    assert scripts
    assert endings(tmp_path, scripts) == dict.fromkeys(scripts, "0")
