"""What of a run's shards is not there is in every view of their logs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

HOLDS = {
    "law": "mapping.equals-per-example",
    "transform": "jax.vmap",
    "subject": "square",
    "outcome": "holds",
}

Main = Callable[..., Any]


def test_a_shard_that_is_missing_or_was_stopped_is_in_every_view(
    main: Main, written: Callable[..., Path], tmp_path: Path
) -> None:
    first = written(HOLDS, cell="aaaa", name="a.jsonl", shard=(1, 3))
    second = written(
        {**HOLDS, "subject": "add"}, cell="bbbb", name="b.jsonl", shard=(2, 3), complete=False
    )
    junit, markdown = tmp_path / "junit.xml", tmp_path / "summary.md"
    ran = main("report", first, second, "--junit", junit, "--markdown", markdown)
    assert ran.status == 3
    assert "Not finished: 2 checks hold so far." in ran.out
    stopped = "Shard 2/3 was stopped before its end: run it again."
    missing = "Shard 3/3 is missing: give its log, too."
    for text in (ran.out, markdown.read_text(), junit.read_text()):
        assert stopped in text
        assert missing in text
    assert 'tests="4" failures="0" errors="2"' in junit.read_text()
    quiet = main("report", "-q", first, second)
    assert quiet.out.startswith("Not finished")


def test_a_whole_run_of_shards_lacks_nothing_nor_does_one_shard_by_itself(
    main: Main, written: Callable[..., Path], tmp_path: Path
) -> None:
    logs = [
        written({**HOLDS, "subject": name}, cell=name * 4, name=f"{name}.jsonl", shard=(part, 2))
        for part, name in ((1, "a"), (2, "b"))
    ]
    junit = tmp_path / "junit.xml"
    ran = main("report", *logs, "--junit", junit)
    assert ran.status == 0
    assert "issing" not in ran.out + ran.err + junit.read_text()
    assert 'errors="0"' in junit.read_text()


SKIPPED = {
    **HOLDS,
    "subject": "sort",
    "outcome": "not-sampled",
    "detail": {"reason": "another seed"},
}


def test_shards_of_several_seeds_that_sample_or_of_several_profiles_are_no_whole(
    main: Main, written: Callable[..., Path]
) -> None:
    first = written(HOLDS, SKIPPED, cell="aaaa", name="a.jsonl", shard=(1, 2))
    add = {**HOLDS, "subject": "add"}
    other_seed = written(add, cell="bbbb", name="b.jsonl", shard=(2, 2), seed=8)
    ran = main("report", first, other_seed)
    assert ran.status == 3
    missing = "shards 2/2 (quick, seed 7), 1/2 (quick, seed 8) are missing: give their logs"
    assert missing in " ".join(ran.err.split())
    other_profile = written(add, cell="cccc", name="c.jsonl", shard=(2, 2), profile="ci")
    ran = main("report", first, other_profile)
    assert ran.status == 3
    assert "Shard 2/2 (quick, seed 7) is missing" in " ".join(ran.out.split())


def test_shards_that_check_everything_may_have_seeds_of_their_own(
    main: Main, written: Callable[..., Path]
) -> None:
    logs = [
        written(
            {**HOLDS, "subject": name},
            cell=name * 4,
            name=f"{name}.jsonl",
            shard=(part, 2),
            profile="thorough",
            seed=part,
        )
        for part, name in ((1, "a"), (2, "b"))
    ]
    assert main("report", *logs).status == 0


def test_shards_of_which_something_else_was_to_be_checked_are_no_whole(
    main: Main, written: Callable[..., Path]
) -> None:
    first = written(HOLDS, cell="aaaa", name="a.jsonl", shard=(1, 2), chosen=["--law", "mapping.*"])
    add = {**HOLDS, "subject": "add"}
    same = written(add, cell="bbbb", name="b.jsonl", shard=(2, 2), chosen=["--law", "mapping.*"])
    assert main("report", first, same).status == 0
    everything = written(add, cell="cccc", name="c.jsonl", shard=(2, 2))
    ran = main("report", first, everything)
    assert ran.status == 3
    said = " ".join(ran.err.split())
    assert "shards 1/2 (quick), 2/2 (quick, --law 'mapping.*') are missing" in said
