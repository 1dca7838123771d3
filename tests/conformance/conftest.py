"""The command line in this process and in one of its own; broken transforms; logs written by hand."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest

from conformance.transforms import TRANSFORMS
from properties.mutants import MUTANTS
from tests.conformance.logs import EventLog

LAW = "mapping.equals-per-example"
# What runs in the background of a shell script ignores SIGINT, what `nohup` runs SIGHUP, and so does all
# that they start.
MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
from conformance.cli import main
main()
"""

ENVIRONMENT = {
    "python": "3.11.7",
    **dict.fromkeys(("jax", "jaxlib"), "0.10.2"),
    "flax": "0.12.8",
    "numpy": "2.4.6",
    "chex": "0.1.92",
    "hypothesis": "6.170.15",
    "platform": "cpu",
    "devices": 8,
    "x64": False,
    "prng": "threefry2x32",
    "threefry_partitionable": True,
    "xla_flags": "",
}


class Ran(NamedTuple):
    """What a command left: its exit status, and what it said."""

    status: int
    out: str
    err: str


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process."""
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Ran:
        from conformance.cli.app import main

        monkeypatch.setattr(sys, "argv", ["vmap-conformance", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        return Ran(int(stopped.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Any]:
    """Start the command line in a process of its own, with caches of its own."""
    before = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "JAX_"))}
    caches = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *map(str, arguments)],
            cwd=tmp_path,
            env={**before, **caches, "COLUMNS": "100", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.fixture
def ran(command: Callable[..., Any]) -> Callable[..., Ran]:
    """Run the command line in a process of its own, to its end."""

    def run(*arguments: object, **environment: str) -> Ran:
        process = command(*arguments, **environment)
        try:
            out, err = process.communicate(timeout=540)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
        return Ran(process.returncode, out, err)

    return run


AFTER_IMPORT = '''
"""Runs BREAKAGE in every process of the test, once conformance.transforms is imported."""

import importlib.abc
import importlib.util
import sys


class After(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "conformance.transforms":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            import breakage

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, After())
'''


@pytest.fixture
def breaking(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Environment variables under which every process executes this Python after the transforms
    are there. The product knows nothing of it: it is a ``sitecustomize``."""

    def write(source: str) -> dict[str, str]:
        place = tmp_path / "site"
        place.mkdir()
        (place / "sitecustomize.py").write_text(AFTER_IMPORT)
        (place / "breakage.py").write_text(source)
        return {"PYTHONPATH": str(place)}

    return write


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """Put a mutant in a transform's place, for this test only."""

    def put(mutant: str, transform: str = "jax.vmap") -> Any:
        changed = MUTANTS[mutant].mutate(TRANSFORMS[transform])
        monkeypatch.setitem(TRANSFORMS, transform, changed)
        return changed

    return put


@pytest.fixture
def violation(broken: Callable[[str, str], Any]) -> Callable[..., Any]:
    """The result of one law on a broken transform."""

    def find(mutant: str, subject: str, law: str = LAW, transform: str = "jax.vmap") -> Any:
        from conformance.runner import items
        from conformance.runner.run_item import run_item
        from properties.profile import PROFILES

        broken(mutant, transform)
        (item,) = [
            item for item in items.select([law], [transform], [subject]) if item.defect is None
        ]
        profile = attrs.evolve(PROFILES["quick"].asked(0, [law]), examples=3, combinations=4)
        result = run_item(item, profile)
        assert result.outcome == "violated"
        return result

    return find


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A log of these results, complete or not."""

    def write(
        *results: dict[str, Any],
        cell: str = "c311",
        complete: bool = True,
        name: str = "log.jsonl",
        shard: tuple[int, int] = (1, 1),
        profile: str = "quick",
        seed: int = 7,
        chosen: list[str] | None = None,
    ) -> Path:
        log = EventLog(tmp_path / name, cell)
        log.write(
            "header",
            schema=1,
            suite="0.1.0",
            environment=ENVIRONMENT,
            profile=profile,
            seed=seed,
            shard=list(shard),
            command=["run"],
            **({} if chosen is None else {"chosen": chosen}),
        )
        for result in results:
            names = {k: result[k] for k in ("law", "transform", "subject", "defect") if k in result}
            log.write("started", **names)
            if "outcome" in result:
                numbers = {"examples": 2, "seconds": 1.5, "compilations": 3, "detail": None}
                log.write("result", **{**numbers, **result})
        if complete:
            log.write("footer", counts={}, seconds=4.0)
        log.close()
        return tmp_path / name

    return write


@pytest.fixture
def stored_case(tmp_path: Path) -> Callable[..., Path]:
    """A file of this data, as a run saves a case."""

    def write(case: Any) -> Path:
        path = tmp_path / "case.json"
        path.write_text(case if isinstance(case, str) else json.dumps(case))
        return path

    return write
