"""The command line: what it lists, what it says of bad usage, and its exit statuses."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.events.reader import read
from conformance.reporting.document import Document
from conformance.transforms import TRANSFORMS
from conformance.upgrade import driver
from properties.call import Axes, FunctionCall
from properties.call_json import to_json
from properties.law import stored
from properties.laws import LAWS
from properties.subjects import SUBJECTS
from tests.conformance.logs import EventLog

EQUALS = "mapping.equals-per-example"
CALL = FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, (Axes((1,), 1),), seed=3)
HOLDS = {"law": EQUALS, "transform": "jax.vmap", "subject": "square", "outcome": "holds"}

Main = Callable[..., Any]


def one_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


@pytest.mark.parametrize(
    ("kind", "names"), [("laws", LAWS), ("transforms", TRANSFORMS), ("subjects", SUBJECTS)]
)
def test_list_names_all_there_is(main: Main, kind: str, names: Any) -> None:
    ran = main("list", kind, "--json")
    assert (ran.status, ran.err) == (0, "")
    rows = json.loads(ran.out)
    assert [row["name"] for row in rows] == list(names)
    assert all(row["summary"] for row in rows)
    plain = main("list", kind)
    assert [line.split("  ")[0].strip() for line in plain.out.splitlines()] == list(names)
    assert all(row["summary"] in plain.out for row in rows)


@pytest.mark.parametrize("kind", ["exercises", "defects"])
def test_the_other_lists_are_json_too(main: Main, kind: str) -> None:
    ran = main("list", kind, "--json")
    assert ran.status == 0
    assert all({"name", "summary"} <= set(row) for row in json.loads(ran.out))


def test_defects_are_listed_with_their_releases_and_those_installed_are_marked(main: Main) -> None:
    rows = json.loads(main("list", "defects", "--json").out)
    *lines, last = main("list", "defects").out.splitlines()
    here = {row["name"] for row in rows if row["installed"]}
    assert {line.split()[1] for line in lines if line.startswith("* ")} == here
    assert 0 < len(here) < len(rows) == len(lines)
    assert last == f"* the installed releases have it: {len(here)} of {len(rows)}"
    (old,) = [line for line in lines if line.startswith("  vmap-optimization-barrier ")]
    assert "  [jax >=0.4.33,<0.4.38] raises: " in old


def test_the_rules_are_listed_with_what_reaches_them(main: Main) -> None:
    rows = {row["name"]: row for row in json.loads(main("list", "rules", "--json").out)}
    assert rows["sin"]["state"] == "hit"
    assert "lax.sin" in rows["sin"]["subjects"]
    exempt = [row for row in rows.values() if row["state"] == "exempt"]
    assert all(row["exempt"] and row["exempt"] in row["summary"] for row in exempt)
    assert {row["state"] for row in rows.values()} <= {"hit", "exempt", "missed"}


def test_a_law_is_listed_with_the_transforms_it_is_about(main: Main) -> None:
    rows = {row["name"]: row for row in json.loads(main("list", "laws", "--json").out)}
    assert rows[EQUALS]["transforms"] == list(TRANSFORMS)
    assert rows["parallel.pmap-agrees-with-vmap"]["transforms"] == ["jax.pmap"]
    lifted = ["flax.linen.vmap", "flax.nnx.vmap", "flax.nnx.pmap"]
    assert rows["sharing.no-batch-axis"]["transforms"] == lifted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], "there is no command 'rum': did you mean 'run', "),
        (["zzz"], "there is no command 'zzz': did you mean '"),
        (["run", "--law", "mapping.equals-per-exampel"], f"did you mean '{EQUALS}', "),
        (["run", "--law", "nothing.*"], "there is no law 'nothing.*'"),
        (["run", "--transform", "jax.vmpa"], "did you mean 'jax.vmap', "),
        (["run", "--subject", "densee"], "did you mean 'dense', "),
        (["run", "-n", "many"], "Invalid value for '-n'"),
        (["run", "-n", "-1"], "Invalid value for '-n'"),
        (["run", "--seed", "x"], "Invalid value for '--seed'"),
        (["run", "--seed", str(2**32)], "Invalid value for '--seed'"),
        (["run", "--profile", "quik"], "'quik' is not one of 'quick', 'ci', 'thorough'"),
        (["run", "--lwa", "x"], "No such option"),
        (["run", "--log", "/"], "is a directory"),
        (["list", "lawz"], "'lawz' is not one of"),
        (["list"], "Missing argument"),
        (["report"], "Missing argument"),
        (["replay"], "Missing argument"),
        (["replay", "none.json"], "none.json is not a stored case"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_bad_usage_is_one_clear_line_and_two(main: Main, arguments: list[str], words: str) -> None:
    ran = main(*arguments)
    assert ran.status == 2
    assert ran.out == ""
    line = one_line(ran.err)
    assert line.startswith("Error: ")
    assert words in line


def test_help_names_every_command_and_version_is_one_line(main: Main) -> None:
    ran = main("--help")
    assert ran.status == 0
    names = ("bisect", "check", "list", "mutants", "releases", "replay", "report", "run", "upgrade")
    for name in names:
        assert f"\n  {name} " in ran.out
    version = main("--version")
    assert version.status == 0
    assert one_line(version.out)[0].isdigit()


def test_report_of_a_complete_log_is_zero(main: Main, written: Callable[..., Path]) -> None:
    ran = main("report", written(HOLDS))
    assert (ran.status, ran.err) == (0, "")
    assert "2 calls in 4 s" in ran.out
    assert "✓ 1 check holds." in ran.out
    assert "incomplete" not in ran.out


def test_report_of_what_does_not_conform_is_one(main: Main, written: Callable[..., Path]) -> None:
    died = {"reason": "the process that ran it died", "output": "Fatal"}
    ran = main("report", written({**HOLDS, "outcome": "crashed", "detail": died}))
    assert ran.status == 1
    assert "the process that ran it died" in ran.out


def test_a_page_that_is_written_is_named_and_not_advertised(
    main: Main, written: Callable[..., Path], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    ran = main("report", written(HOLDS), "--html", page)
    assert f"page: {page}" in ran.out.splitlines()
    assert "--html PAGE" not in ran.out
    assert "--html PAGE: the page" in main("report", written(HOLDS)).out


def test_what_holds_of_an_incomplete_log_is_so_far(
    main: Main, written: Callable[..., Path]
) -> None:
    ran = main("report", written(HOLDS, complete=False))
    assert "Not finished: 1 check holds so far." in ran.out


def test_report_of_an_incomplete_log_is_three(main: Main, written: Callable[..., Path]) -> None:
    ran = main("report", written(HOLDS, complete=False))
    assert ran.status == 3
    assert "This log is incomplete" in ran.out


def test_logs_are_joined_as_files_and_by_concatenation(
    main: Main, written: Callable[..., Path], tmp_path: Path
) -> None:
    first = written(HOLDS, cell="aaaa", name="a.jsonl")
    second = written({**HOLDS, "subject": "sort"}, cell="bbbb", name="b.jsonl")
    joined = tmp_path / "joined.jsonl"
    joined.write_text(first.read_text() + second.read_text())
    apart, together = main("report", first, second), main("report", joined)
    assert apart.status == together.status == 0
    assert apart.out == together.out
    assert "4 calls in 8 s" in together.out
    assert "✓ 2 checks hold." in together.out


@pytest.mark.parametrize("content", ["", "garbage\nmore\n", '{"type": "result", "cell": "a"}\n'])
def test_report_of_what_is_no_log_is_three_in_one_line(
    main: Main, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(content)
    ran = main("report", path)
    assert (ran.status, ran.out) == (3, "")
    assert str(path) in one_line(ran.err)


def test_report_writes_junit_and_markdown(
    main: Main, written: Callable[..., Path], tmp_path: Path
) -> None:
    xml, text = tmp_path / "junit.xml", tmp_path / "summary.md"
    assert main("report", written(HOLDS), "--junit", xml, "--markdown", text).status == 0
    assert ET.parse(xml).getroot().get("tests") == "1"
    assert f"| `{EQUALS}` | 1 holds |" in text.read_text()


def test_a_view_that_cannot_be_written_is_three(main: Main, written: Callable[..., Path]) -> None:
    ran = main("report", written(HOLDS), "--junit", "/proc/none/junit.xml")
    assert ran.status == 3
    assert "cannot be written" in one_line(ran.err)


def test_replay_of_a_case_that_holds_is_zero(main: Main, stored_case: Callable[..., Path]) -> None:
    ran = main("replay", stored_case(stored(EQUALS, "jax.vmap", CALL)))
    assert (ran.status, ran.err) == (0, "")
    assert one_line(ran.out) == f"{EQUALS} holds for jax.vmap on this call."


def test_replay_of_a_case_that_violates_is_one_and_explains(
    main: Main, stored_case: Callable[..., Path], broken: Callable[..., Any]
) -> None:
    broken("batch-reversed")
    ran = main("replay", stored_case(stored(EQUALS, "jax.vmap", CALL)))
    assert (ran.status, ran.err) == (1, "")
    for needed in (
        f"violated: {EQUALS}, jax.vmap of square",
        "square with batch=3, m=2, n=4; in_axes=(1,), out_axes=1; float32",
        "values differ at index",
        "likely cause: the examples come out in reverse order (batch-reversed)",
    ):
        assert needed in ran.out


def test_replay_of_a_shape_that_is_wrong_explains_it(
    main: Main, stored_case: Callable[..., Path], broken: Callable[..., Any]
) -> None:
    broken("out-axes-ignored")
    ran = main("replay", stored_case(stored(EQUALS, "jax.vmap", CALL)))
    assert ran.status == 1
    assert "shapes differ: expected float32[2,3,4], got float32[3,2,4]" in ran.out


GOOD = stored(EQUALS, "jax.vmap", CALL)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("not json", "is not a stored case"),
        ("[1, 2]", "is not a stored case"),
        ("7", "is not a stored case"),
        ("{}", "it lacks call, law, transform"),
        ({**GOOD, "law": "no.such"}, "names an unknown law: 'no.such'"),
        ({**GOOD, "transform": "jax.nothing"}, "names an unknown transform"),
        (
            {**GOOD, "call": {**to_json(CALL), "subject_name": "none"}},
            "unknown subject 'none' - at `$.subject_name`",
        ),
        ({**GOOD, "call": {**to_json(CALL), "kind": "none"}}, "Invalid value 'none' - at `$.kind`"),
        ({**GOOD, "call": {**to_json(CALL), "more": 1}}, "unknown field `more`"),
        ({**GOOD, "call": 3}, "malformed call"),
        ({**GOOD, "call": {}}, "missing required field `kind`"),
        ({**GOOD, "call": {**to_json(CALL), "sizes": {"batch": 3}}}, "sizes"),
        ({**GOOD, "call": {**to_json(CALL), "sizes": {"batch": "3", "m": 2, "n": 4}}}, "sizes"),
        ({**GOOD, "call": {**to_json(CALL), "subject_name": "dense"}}, "kind"),
        ({**GOOD, "call": {**to_json(CALL), "axes": [{"in_axes": [0, 0]}]}}, "axes"),
        ({**GOOD, "call": {**to_json(CALL), "axes": []}}, "axes"),
        ({**GOOD, "call": {**to_json(CALL), "dtype": "float33"}}, "dtype"),
        ({**GOOD, "call": {**to_json(CALL), "seed": -1}}, "seed"),
        ({**GOOD, "law": "sharing.no-batch-axis", "transform": "flax.linen.vmap"}, "not about"),
    ],
)
def test_replay_of_what_is_no_case_is_two_in_one_line(
    main: Main, stored_case: Callable[..., Path], case: Any, words: str
) -> None:
    path = stored_case(case)
    ran = main("replay", path)
    assert (ran.status, ran.out) == (2, "")
    line = one_line(ran.err)
    assert line.startswith("Error: ")
    assert str(path) in line
    assert words in line


def test_a_log_of_verdicts_is_told_and_decides_the_status(main: Main, tmp_path: Path) -> None:
    log = EventLog(tmp_path / "verdicts.jsonl")
    packages = ("python", "jax", "jaxlib", "flax", "numpy", "chex", "hypothesis")
    log.write(
        "header",
        schema=1,
        suite="0.1.0",
        environment=dict.fromkeys(packages),
        profile="check",
        seed=0,
        shard=[1, 1],
        command=["check"],
    )
    rest = {"law": None, "counterexample": None, "seconds": 0.5}
    for name, verdict, why in (("a.py", "conforms", None), ("b.py", "violates", "bias-missing")):
        log.write("verdict", candidate=name, exercise="f", verdict=verdict, diagnosis=why, **rest)
    log.finish()
    ran = main("report", tmp_path / "verdicts.jsonl")
    assert (ran.status, ran.err) == (1, "")
    table = ["marks", "  a.py  1 of 1 right", "  b.py  0 of 1 right"]
    assert ran.out.splitlines()[:2] == ["a.py: f  conforms", "b.py: f  violates  bias-missing"]
    assert ran.out.splitlines()[2:] == table


def test_missing_shards_are_three_and_named(main: Main, written: Callable[..., Path]) -> None:
    first = written(HOLDS, cell="aaaa", name="a.jsonl", shard=(1, 3))
    third = written({**HOLDS, "subject": "sort"}, cell="bbbb", name="b.jsonl", shard=(3, 3))
    ran = main("report", first, third)
    assert ran.status == 3
    assert "shard 2/3 is missing: give its log, too" in one_line(ran.err)
    ran = main("report", first)
    assert "shards 2/3, 3/3 are missing: give their logs, too" in one_line(ran.err)
    second = written({**HOLDS, "subject": "add"}, cell="cccc", name="c.jsonl", shard=(2, 3))
    assert main("report", first, second, third).status == 0


def test_a_violation_in_a_shard_is_one_whatever_is_missing(
    main: Main, written: Callable[..., Path]
) -> None:
    died = {"reason": "the process that ran it died", "output": "Fatal"}
    log = written({**HOLDS, "outcome": "crashed", "detail": died}, shard=(1, 2))
    ran = main("report", log)
    assert ran.status == 1
    assert "shard 2/2 is missing" in ran.err


def test_quiet_is_one_line_and_verbose_has_more(main: Main, written: Callable[..., Path]) -> None:
    log = written(HOLDS)
    assert one_line(main("report", log, "-q").out) == "✓ 1 check holds"
    assert EQUALS not in main("report", log).out
    assert EQUALS in main("report", log, "-v").out
    assert "holds           mapping.equals-per-example  jax.vmap  square" in (
        main("report", log, "-vv").out
    )


def test_json_is_one_document(main: Main, written: Callable[..., Path]) -> None:
    ran = main("report", written(HOLDS), "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["schema"], found["status"]) == (1, 0)
    assert found["runs"][0]["counts"] == {"holds": 1}


def test_environments_compared_are_one_document(main: Main, written: Callable[..., Path]) -> None:
    before = written(HOLDS, cell="aaaa", name="a.jsonl")
    after = written(HOLDS, cell="bbbb", name="b.jsonl")
    found = json.loads(main("report", before, after, "--format", "json").out)
    assert len(found["runs"]) == 2
    assert [each["compared"] for each in found["comparisons"]] == [True]


@pytest.mark.parametrize("outcome", ["holds", "crashed"])
def test_an_upgrade_is_one_document(
    main: Main,
    written: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    outcome: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    died = {"reason": "the process died", "output": ""} if outcome == "crashed" else None
    after = {**HOLDS, "outcome": outcome, "detail": died}
    logs = [
        written(HOLDS, cell="aaaa", name="a.jsonl"),
        written(after, cell="bbbb", name="b.jsonl"),
    ]
    monkeypatch.setattr(driver, "run", lambda *_, **__: [e for log in logs for e in read(log)])
    environments = ("--from", "installed", "--to", "jax==0.4.30")
    ran = main("upgrade", *environments, "--format", "json")
    found = msgspec.json.decode(ran.out, type=Document)
    assert ran.status == found.status == (0 if outcome == "holds" else 1)
    (comparison,) = found.comparisons
    assert any(change.breaks for change in comparison.changes) == (outcome != "holds")
    assert found.log is not None, "it takes minutes, and is kept"
    shown = main("report", found.log, "-v")
    assert (shown.status, shown.out.count("aaaa")) == (ran.status, 0)
    assert "items by outcome" in shown.out
    refused = main("upgrade", *environments, "--format", "json", "--all")
    assert (refused.status, refused.out) == (2, "")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-q", "-v"], "-q and -v contradict each other"),
        (["--format", "json", "-v"], "-q and -v do not apply"),
        (["--format", "xml"], "'xml' is not one of 'text', 'json'"),
    ],
)
def test_flags_that_contradict_are_two(
    main: Main, written: Callable[..., Path], flags: list[str], words: str
) -> None:
    ran = main("report", written(HOLDS), *flags)
    assert (ran.status, ran.out) == (2, "")
    assert words in one_line(ran.err)


def test_levels_of_a_comparison_are_refused(main: Main, written: Callable[..., Path]) -> None:
    logs = [written(HOLDS, cell=cell, name=f"{cell}.jsonl") for cell in ("aaaa", "bbbb")]
    ran = main("report", *logs, "-q")
    assert (ran.status, ran.out) == (2, "")
    assert "-q is for the log of one environment" in one_line(ran.err)
