"""The driver of an upgrade, over stand-ins of cells: broken subjects, failed cells, one plan for all."""

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from conformance.events.records import Header, Observation, Record
from conformance.events.user_code import MODULE
from conformance.upgrade import cells, driver
from conformance.upgrade.cells import Cell, CellError, Work
from conformance.upgrade.for_you import Early
from conformance.upgrade.mistakes import UnknownSubjectError, UnusableModuleError
from conformance.upgrade.probe import Answer, Broken, Wanted
from conformance.upgrade.request import Request, import_path

CALLS = {"axes.a|jax.vmap|fine": [], "axes.a|jax.vmap|legacy": [], "axes.a|jax.vmap|square": []}


class Watcher:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []
        self.early: list[tuple[str, Early]] = []
        self.drawn: list[str] = []
        self.records: list[Record] = []

    def stage(self, environment: str, stage: str, done: Work, total: Work | None) -> None: ...

    def found(self, comparison: str, early: Early) -> None:
        self.early.append((comparison, early))

    def problem(self, environment: str, problem: str) -> None:
        self.problems.append((environment, problem))


def answer(*subjects: str, broken: Sequence[Broken] = (), plan: bool = False) -> Answer:
    calls = json.dumps({"plan": 1, "profile": "quick", "seed": 3, "calls": CALLS})
    return Answer(
        subjects=dict.fromkeys(subjects, "mine"),
        broken=list(broken),
        known=[*subjects, "square"],
        plan=calls if plan else None,
    )


@attrs.define
class Cells:
    """Stand-ins for the cells of each ENV, and what they were asked to run."""

    answers: dict[str, Answer | CellError]
    drawn: list[str] = attrs.field(factory=list)
    ran: dict[str, Any] = attrs.field(factory=dict)

    def probe(self, cell: Cell, wanted: Wanted) -> Answer:
        found = self.answers[cell.environment]
        if isinstance(found, CellError):
            raise found
        if wanted.draw:
            self.drawn.append(cell.environment)
            drawn = answer(*found.subjects, broken=found.broken, plan=True)
            return msgspec.structs.replace(found, plan=drawn.plan)
        return found

    def run(self, cell: Cell, report: Any = None) -> list[Record]:
        self.ran[cell.environment] = json.loads(cell.plan)
        header = cells.failed_header(cell, CellError(""))
        return [msgspec.structs.replace(header, problem=msgspec.UNSET, built=msgspec.UNSET)]


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs an upgrade over stand-ins; gives them, the headers and the watcher."""
    monkeypatch.chdir(tmp_path)

    def run(request: Request, **answers: Answer | CellError) -> tuple[Cells, list[Header], Watcher]:
        stand_ins, watcher = Cells(answers), Watcher()
        watcher.drawn = stand_ins.drawn
        monkeypatch.setattr(cells, "probe", stand_ins.probe)
        monkeypatch.setattr(cells, "run", stand_ins.run)
        with ThreadPoolExecutor(2) as pool:
            records = driver.run(request, pool, watcher, local=True)
        watcher.records = records
        return stand_ins, [r for r in records if isinstance(r, Header)], watcher

    return run


BROKEN = Broken(module="mine", subject="legacy", type="AttributeError", line="no fix")
REQUEST = Request(environments=("old", "new"), own=("mine",), seed=3)


def test_the_first_cell_draws_and_a_broken_subject_is_left_out_of_its_cells_plan_only(
    upgraded: Any,
) -> None:
    found, (old, new), watcher = upgraded(
        REQUEST, old=answer("fine", "legacy"), new=answer("fine", broken=[BROKEN])
    )
    assert found.drawn == ["old"]
    assert list(found.ran["old"]["calls"]) == list(CALLS)
    assert list(found.ran["new"]["calls"]) == [name for name in CALLS if "legacy" not in name]
    assert {name: each.error for name, each in old.subjects.items()} == {
        "fine": None,
        "legacy": None,
    }
    assert new.subjects["legacy"].error.type == "AttributeError"
    assert watcher.problems == []


@pytest.mark.parametrize(("newer", "said"), [("0.10.2", True), ("0.11.0", False)])
def test_equal_releases_are_said_before_anything_runs(
    newer: str, said: bool, upgraded: Any
) -> None:
    old = {"jax": "0.10.2", "flax": "0.12.8", "python": "3.11.7"}
    _, _, watcher = upgraded(
        REQUEST,
        old=msgspec.structs.replace(answer("fine"), versions=old),
        new=msgspec.structs.replace(answer("fine"), versions={**old, "jax": newer}),
    )
    words = "has the releases of 'old': jax 0.10.2, flax 0.12.8, Python 3.11.7. "
    words += "The newest releases may need another Python, such as `new@3.13`"
    assert watcher.problems == ([("new", words)] if said else [])


WHOLE = Broken(module="mine", subject=None, type="ImportError", line="no get_aval")


def test_a_module_that_cannot_be_imported_is_said_of_its_environment(upgraded: Any) -> None:
    found, (_, new), _ = upgraded(REQUEST, old=answer("fine"), new=answer(broken=[WHOLE]))
    assert set(new.subjects) == {f"mine{MODULE}"}
    assert found.drawn == ["old"]
    found, (old, _), _ = upgraded(REQUEST, old=answer(broken=[WHOLE]), new=answer("fine"))
    assert set(old.subjects) == {f"mine{MODULE}"}
    assert found.drawn == ["old"]
    assert set(found.ran) == {"old", "new"}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ([WHOLE], "mine cannot be used in any of the environments: ImportError: no get_aval"),
        (
            [BROKEN, msgspec.structs.replace(BROKEN, subject="second")],
            (
                "none of the subjects of mine can be made in any of the environments; "
                "legacy: AttributeError: no fix"
            ),
        ),
        ([], "mine lists no subject: SUBJECTS is empty"),
        (
            [msgspec.structs.replace(WHOLE, line="No module named 'mine'")],
            (
                "No module named 'mine'; modules of this directory are found, those of a package "
                "elsewhere with --with-editable DIR"
            ),
        ),
        (
            [msgspec.structs.replace(WHOLE, line="No module named 'optax.losses'")],
            "the environments have your packages with --with-editable DIR, and others with --with optax",
        ),
    ],
)
def test_what_no_environment_can_use_is_refused_before_anything_is_drawn_or_runs(
    broken: list[Broken], said: str, upgraded: Any
) -> None:
    both = answer(broken=broken)
    ran: list[Cells] = []
    with pytest.raises(UnusableModuleError, match=re.escape(said)):
        ran.append(upgraded(REQUEST, old=both, new=both)[0])
    assert not ran
    one_is_not_built = CellError("no such release", built=False)
    with pytest.raises(UnusableModuleError):
        upgraded(REQUEST, old=one_is_not_built, new=both)


def test_a_subject_that_no_environment_can_make_is_reported_where_another_can(
    upgraded: Any,
) -> None:
    both = answer("fine", broken=[BROKEN])
    _, headers, _ = upgraded(REQUEST, old=both, new=both)
    assert [header.subjects["legacy"].error is not None for header in headers] == [True, True]


def test_every_cell_observes_the_share_of_the_plan_and_the_subjects_of_any_cell(
    upgraded: Any,
) -> None:
    old = msgspec.structs.replace(answer("fine", "le[gacy"), observed=["square"], share=5)
    found, headers, _ = upgraded(REQUEST, old=old, new=answer("fine", "newer"))
    for environment in ("old", "new"):
        assert found.ran[environment]["observe"]["subjects"] == [
            "square",
            "fine",
            "le[[]gacy",
            "newer",
        ]
    assert [header.share for header in headers] == [5, 5]
    found, headers, _ = upgraded(REQUEST, old=answer("fine"), new=answer("fine"))
    assert found.ran["old"]["observe"]["subjects"] == []
    assert [header.share for header in headers] == [1, 1]


def test_the_sources_of_a_directory_without_a_package_are_its_files_and_what_they_import(
    upgraded: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("import train\nfrom layers.dense import Dense\n")
    (tmp_path / "train.py").write_text("import jax.numpy as jnp\njnp.fix(1)\n")
    (tmp_path / "broken.py").write_text("def\n")
    for package in ("layers", "elsewhere"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "dense.py").write_text("from jax import core\ncore.get_aval\n")
    _, (old, _), _ = upgraded(REQUEST, old=answer("fine"), new=answer("fine"))
    assert {(use.file, use.name) for use in old.sources.uses if use.name.count(".") > 1} == {
        ("train.py", "jax.numpy.fix"),
        ("layers/dense.py", "jax.core.get_aval"),
    }
    assert [each.path for each in old.sources.unreadable] == ["broken.py"]


def test_a_source_directory_without_python_files_is_refused(upgraded: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    request = attrs.evolve(REQUEST, sources=("empty",))
    with pytest.raises(ValueError, match="--source empty has no Python file"):
        upgraded(request, old=answer("fine"), new=answer("fine"))


def test_a_cell_that_fails_is_said_and_the_others_run(upgraded: Any) -> None:
    request = attrs.evolve(REQUEST, environments=("old", "new", "newest"))
    lost = CellError("no such release", built=False)
    found, (old, new, newest), watcher = upgraded(
        request, old=answer("fine"), new=lost, newest=answer("fine")
    )
    assert watcher.problems == [("new", "no such release")]
    assert found.drawn == ["old"]
    assert (new.problem, new.built, new.profile, new.seed) == ("no such release", False, "quick", 3)
    assert set(found.ran) == {"old", "newest"}
    assert (old.asked, newest.asked) == ("old", "newest")


def test_a_module_that_ends_every_process_that_imports_it_is_refused(upgraded: Any) -> None:
    killed = CellError("importing mine and drawing calls was ended by SIGKILL")
    with pytest.raises(UnusableModuleError, match=r"^mine cannot be used: .* ended by SIGKILL$"):
        upgraded(REQUEST, old=killed, new=killed)
    _, (old, new), _ = upgraded(REQUEST, old=killed, new=CellError("not built", built=False))
    assert (old.problem, new.problem) == (str(killed), "not built")


def test_names_of_the_users_sources_are_asked_of_every_environment(
    upgraded: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("import jax.numpy as jnp\njnp.fix(1)\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "more.py").write_text("from jax import core\ncore.get_aval\n")
    request = attrs.evolve(REQUEST, sources=("elsewhere",), transforms=("jax.vmap",))
    found, (old, new), _ = upgraded(request, old=answer("fine"), new=answer("fine"))
    names = ["jax.core", "jax.core.get_aval", "jax.numpy", "jax.numpy.fix"]
    for environment in ("old", "new"):
        observe = found.ran[environment]["observe"]
        assert (observe["names"], observe["transforms"]) == (names, ["jax.vmap"])
    assert old.sources.files == 2
    assert not new.sources


@pytest.mark.parametrize(("profile", "alone"), [("quick", True), ("ci", False)])
def test_a_chosen_subject_does_not_add_calls_that_the_users_files_do_not_name(
    upgraded: Any, tmp_path: Path, profile: str, alone: bool
) -> None:
    (tmp_path / "mine.py").write_text("import jax.numpy as jnp\njnp.fix(1)\n")
    request = attrs.evolve(REQUEST, profile=profile, subjects=("fine",))
    found, _, _ = upgraded(request, old=answer("fine"), new=answer("fine"))
    for environment in ("old", "new"):
        assert found.ran[environment]["observe"]["only_their_calls"] is alone


def test_what_changes_of_names_and_subjects_is_said_before_anything_is_drawn_or_runs(
    upgraded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("import jax.numpy as jnp\njnp.fix(1)\n")
    key, said = "names/jax.numpy.fix", "jax.numpy.fix was removed. Use jax.numpy.trunc instead."
    old, new = answer("fine", "legacy"), answer("fine", broken=[BROKEN])
    old = msgspec.structs.replace(old, names={key: True}, versions={"jax": "1", "flax": "2"})
    new = msgspec.structs.replace(new, names={key: {"absent": said}}, versions={"jax": "3"})
    drawn_before: list[int] = []
    found = Watcher.found

    def remembers(self: Watcher, comparison: str, early: Early) -> None:
        drawn_before.append(len(self.drawn))
        found(self, comparison, early)

    monkeypatch.setattr(Watcher, "found", remembers)
    cells, _, watcher = upgraded(REQUEST, old=old, new=new)
    ((comparison, early),) = watcher.early
    assert comparison == "jax 1, flax 2 to jax 3"
    assert [(line.where, line.what) for line in early.work] == [
        ("mine.py:2", "jax.numpy.fix"),
        ("legacy", ""),
    ]
    assert (early.things_to_do, early.know, early.broken) == (2, (), ("legacy",))
    assert (drawn_before, cells.drawn) == ([0], ["old"])


def test_what_was_said_of_names_stays_where_a_run_ends_before_it_says_it(upgraded: Any) -> None:
    gone = {"absent": "no fix"}
    before = msgspec.structs.replace(answer("fine"), names={"names/jax.numpy.fix": True})
    after = msgspec.structs.replace(answer("fine"), names={"names/jax.numpy.fix": gone})
    _, _, watcher = upgraded(REQUEST, old=before, new=after)
    said = [r for r in watcher.records if isinstance(r, Observation)]
    assert [(each.key, each.value) for each in said] == [
        ("names/jax.numpy.fix", True),
        ("names/jax.numpy.fix", gone),
    ]
    assert driver._unsaid(before, said[:1]) == []


def test_nothing_is_said_early_where_nothing_is_the_users(upgraded: Any) -> None:
    _, _, watcher = upgraded(attrs.evolve(REQUEST, own=()), old=answer(), new=answer())
    assert watcher.early == []


def test_a_cell_that_cannot_draw_is_said_and_the_next_one_draws(
    upgraded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = Cells.probe

    def probe(self: Cells, cell: Cell, wanted: Wanted) -> Answer:
        if wanted.draw and cell.environment == "old":
            raise CellError("out of memory")
        return draws(self, cell, wanted)

    monkeypatch.setattr(Cells, "probe", probe)
    found, (old, _), watcher = upgraded(REQUEST, old=answer("fine"), new=answer("fine"))
    assert (found.drawn, set(found.ran), old.problem) == (["new"], {"new"}, "out of memory")
    assert watcher.problems == [("old", "out of memory")]


def test_a_subject_that_no_environment_has_is_refused(upgraded: Any) -> None:
    request = attrs.evolve(REQUEST, subjects=("nine*",))
    with pytest.raises(UnknownSubjectError, match=r"there is no subject 'nine\*'"):
        upgraded(request, old=answer("fine"), new=answer("fine"))
    known = attrs.evolve(REQUEST, subjects=("leg*",))
    _, (_, new), _ = upgraded(known, old=answer("fine"), new=answer("fine", broken=[BROKEN]))
    assert set(new.subjects) == {"legacy"}


def test_modules_are_found_here_and_in_editable_packages(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    request = attrs.evolve(REQUEST, editable=(str(tmp_path),), here="/here")
    assert import_path(request) == (str(tmp_path / "src"), "/here")


def test_nothing_runs_where_there_is_nothing_to_compare_with(upgraded: Any) -> None:
    lost = CellError("jax==9.9 cannot be built: there is none", built=False)
    for old, new in ((answer("fine"), lost), (lost, answer("fine"))):
        found, headers, watcher = upgraded(REQUEST, old=old, new=new)
        assert found.ran == {}
        assert found.drawn == []
        assert [header.built for header in headers].count(False) == 1
        assert [problem for _, problem in watcher.problems] == [str(lost)]


@pytest.mark.parametrize(
    ("environment", "there", "said"),
    [
        ("jax,flax", "0.10.2", True),
        ("jax,flax@3.13", "0.10.2", False),
        ("jax==0.10.2,flax", "0.10.2", False),
        ("2025-02-01", "0.5.0", False),
        ("jax,flax", "99.0", False),
    ],
)
def test_a_newer_jax_that_needs_another_python_is_said(
    environment: str, there: str, said: bool, upgraded: Any
) -> None:
    request = Request(environments=("jax==0.6.2", environment))
    new = msgspec.structs.replace(answer(), versions={"jax": there})
    _, _, watcher = upgraded(request, **{"jax==0.6.2": answer(), environment: new})
    problems = [text for name, text in watcher.problems if "the newest for this Python" in text]
    assert len(problems) == said
    assert all(f"needs a newer one: {environment}@3.13" in text for text in problems)


def test_installed_releases_that_a_package_does_not_want_are_said(upgraded: Any) -> None:
    unmet = ["weather 0.3 requires jax==0.6.2"]
    old = msgspec.structs.replace(answer(), unmet=unmet, versions={"jax": "0.10.2"})
    new = msgspec.structs.replace(old, versions={"jax": "0.11.0"})
    request = Request(environments=("installed", "jax==0.11.0"))
    _, _, watcher = upgraded(request, **{"installed": old, "jax==0.11.0": new})
    ((environment, text),) = watcher.problems
    assert environment == "installed"
    assert text.startswith("weather 0.3 requires jax==0.6.2, and jax 0.10.2 is what is installed.")
