"""The commands upgrade and bisect, with cells that run for real in this environment."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.events.reader import read
from conformance.events.records import Header, Observation, Result

CHOSEN = ("--law", "mapping.equals-per-example", "--transform", "jax.vmap", "--subject", "square")
SAME = ("upgrade", "--from", "installed", "--to", "installed", *CHOSEN)


def test_an_environment_is_as_itself(ran: Callable[..., Any], tmp_path: Path) -> None:
    log, text, xml = (tmp_path / name for name in ("up.jsonl", "up.md", "up.xml"))
    got = ran(*SAME, "--log", log, "--markdown", text, "--junit", xml)
    assert got.status == 0
    assert all(line.startswith("installed: ") for line in got.err.splitlines()), "progress"
    assert "nothing breaks, no difference" in " ".join(got.out.split())
    headers = [event for event in read(log) if isinstance(event, Header)]
    assert [header.asked for header in headers] == ["installed", "installed"]
    digests = {e.digest for e in read(log) if isinstance(e, Result)}
    assert len(digests) == 1
    observed = [e.key for e in read(log) if isinstance(e, Observation)]
    assert len(observed) == 2 * len(set(observed)) > 700
    assert not any(key.startswith("outputs/jax.vmap/softmax") for key in observed), "not chosen"
    assert "| `mapping.equals-per-example` | 1 holds | 1 holds |" in text.read_text()
    assert len(ET.parse(xml).getroot()) == 2
    again = ran("report", log)
    assert again.status == 0
    assert "nothing breaks" in " ".join(again.out.split())


def test_a_broken_transform_regresses(
    ran: Callable[..., Any], tmp_path: Path, breaking: Callable[[str], dict[str, str]]
) -> None:
    log = tmp_path / "log.jsonl"
    assert ran("run", *CHOSEN, "-n", 0, "--log", log).status == 0
    source = (
        "from conformance.transforms import TRANSFORMS\n"
        "from properties.mutants import MUTANTS\n"
        'TRANSFORMS["jax.vmap"] = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])\n'
    )
    worse = tmp_path / "worse.jsonl"
    assert ran("run", *CHOSEN, "-n", 1, "--log", worse, **breaking(source)).status == 1
    lines = [json.loads(line) for line in worse.read_text().splitlines()]
    lines[0]["environment"]["jax"] = "99.0"
    worse.write_text("".join(json.dumps(line) + "\n" for line in lines))
    got = ran("report", log, worse)
    assert got.status == 1
    words = " ".join(got.out.split())
    assert "NEEDS WORK 1 causes of 1 differences Regressed:" in words
    assert "mapping.equals-per-example of jax.vmap: values differ" in words


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--from", "2025-13-01", "--to", "installed"), 2, "'2025-13-01' is not a date"),
        (("--from", "installed"), 2, "Missing option '--to'"),
        (
            ("--from", "installed", "--to", "jax", "--fail-on", "yours"),
            2,
            "--fail-on yours needs code of yours: --subjects, --source or --with-editable",
        ),
        (("--from", "installed", "--to", "jax@3"), 2, "'3' in 'jax@3' is not a Python version"),
    ],
)
def test_an_upgrade_asked_for_wrongly_is_said(
    ran: Callable[..., Any], arguments: tuple[str, ...], status: int, said: str
) -> None:
    got = ran("upgrade", *arguments, *CHOSEN)
    assert (got.status, got.out) == (status, "")
    (line,) = got.err.splitlines()
    assert said in line


def test_an_environment_that_cannot_be_had_is_three_and_the_other_is_shown(
    ran: Callable[..., Any],
) -> None:
    got = ran("upgrade", "--from", "installed", "--to", "jax@3.99", *CHOSEN)
    assert got.status == 3
    words = " ".join(got.out.split())
    assert "Python 3.99 was not found" in words


def test_a_scheduler_that_does_not_answer_is_three(ran: Callable[..., Any]) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    got = ran(*SAME, "--dask", "127.0.0.1:9")
    assert got.status == 3
    assert "no Dask scheduler answers at 127.0.0.1:9" in got.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "give either a LAW, a NAME or --observation KEY"),
        (("axes.no-such",), 2, "'axes.no-such' is neither a law nor an observation"),
        (("numpy.fix",), 2, "'numpy.fix' is neither a law nor an observation"),
        (("--observation", "names/numpy.fix"), 2, "is not an observation"),
    ],
)
def test_a_bisect_asked_for_wrongly_is_said(
    ran: Callable[..., Any], arguments: tuple[str, ...], status: int, said: str
) -> None:
    got = ran("bisect", *arguments, "--good", "2024-07-01", "--bad", "2025-01-01")
    assert (got.status, got.out) == (status, "")
    (line,) = got.err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("numpy>=2", "--logs", "logs"), "'numpy>=2' is not a requirement of jax or flax"),
        (("jax==0.3.0,<0.4", "--logs", "logs"), "no supported release of jax is in"),
        (("jax==0.8.0",), "Missing option '--logs'"),
        (("jax==0.8.0", "--logs", "logs", "--subjects", "mine"), "No such option '--subjects'"),
    ],
)
def test_releases_asked_for_wrongly_are_said(
    ran: Callable[..., Any], arguments: tuple[str, ...], said: str
) -> None:
    got = ran("releases", *arguments)
    assert (got.status, got.out) == (2, "")
    (line,) = got.err.splitlines()
    assert said in line


def test_a_module_of_subjects_that_does_not_exist_is_said_at_once(ran: Callable[..., Any]) -> None:
    got = ran("upgrade", "--from", "installed", "--to", "installed", "--subjects", "my_own.nosuch")
    assert (got.status, got.out) == (2, "")
    *progress, line = got.err.splitlines()
    assert all(": building" in each for each in progress)
    assert line == (
        "Error: my_own.nosuch cannot be used in any of the environments: ModuleNotFoundError: No module "
        "named 'my_own'; modules of this directory are found, those of a package elsewhere with "
        "--with-editable DIR"
    )


def test_releases_leaves_the_subjects_of_a_project_alone(
    ran: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.vmap-conformance]\nsubjects = ["nosuch"]\n')
    got = ran("releases", "jax<0.1", "--logs", tmp_path / "logs")
    assert (got.status, got.out) == (2, "")
    assert "no supported release of jax is in 'jax<0.1'" in got.err
