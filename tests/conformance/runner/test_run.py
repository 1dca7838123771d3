"""A run over a tiny selection: its log, views and exit status, with workers and without."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import jax
import jsonschema
import numpy as np
import pytest

from conformance.events.arrays import decode
from conformance.events.completeness import incomplete
from conformance.events.reader import read
from conformance.events.records import Coverage, Footer, Header, Result, Started
from conformance.events.writer import to_line
from conformance.known_defects import DEFECTS
from conformance.runner import items, plan, run_defect
from conformance.runner.installed_defects import installed_defects
from conformance.runner.run_defect import shows_in_a_process
from conformance.runner.run_item import run_item
from conformance.transforms import TRANSFORMS
from properties.call import digest, x64
from properties.call_json import from_json
from properties.compiler_options import OPTIONS, fast
from properties.law import load
from properties.laws import LAWS
from properties.profile import PROFILES, Sampling
from properties.subjects import FUNCTIONS, MODULES, SUBJECTS
from tests.conformance.logs import results

LAW = "mapping.equals-per-example"
SELECTION = ("--law", LAW, "--transform", "jax.vmap")


# As the installed command, which does not look for modules in the current directory.
MAIN = "import sys; sys.path.remove(''); from conformance.cli import main; main()"


def test_a_file_named_as_a_module_of_pythons_hinders_no_worker(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong one')\n")
    run = [sys.executable, "-c", MAIN, "run", *SELECTION, "--subject", "square", "-n", "1"]
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    got = subprocess.run(
        run, cwd=tmp_path, env={**os.environ, **cache}, capture_output=True, text=True, timeout=120
    )
    assert got.returncode == 0, got.stderr
    assert "1 check holds" in got.stdout


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_conforms_is_zero_and_its_log_is_whole(
    ran: Callable[..., Any], tmp_path: Path, workers: int
) -> None:
    log = tmp_path / "run.jsonl"
    subjects = ("--subject", "square", "--subject", "sort")
    got = ran("run", *SELECTION, *subjects, "-n", workers, "--seed", 5, "--log", log, "--no-cache")
    assert got.status == 0
    assert got.err.startswith("first result after ")
    assert got.err.count("\n") == 1
    assert "2 checks hold" in got.out
    assert f"log: {log}" in got.out
    events = read(log)
    header, *middle, footer = events
    assert Counter(map(type, middle)) == {Coverage: 1, Result: 2, Started: 2}
    assert isinstance(header, Header)
    assert isinstance(footer, Footer)
    assert (header.profile, header.seed) == ("quick", 5)
    assert header.command[:3] == ["run", "--law", LAW]
    assert header.chosen[:2] == ["--law", LAW]
    assert header.environment.devices == 8
    assert footer.counts == {"holds": 2}
    assert incomplete(events) == []
    for result in results(log).values():
        assert result.examples > 0
        assert result.combinations > 0
        assert result.compilations > 0
    schema = json.loads((resources.files("conformance.events") / "schema.json").read_text())
    for event in events:
        jsonschema.Draft202012Validator(schema).validate(json.loads(to_line(event)))


BROKEN = """
from conformance.transforms import TRANSFORMS
from properties.mutants import MUTANTS

TRANSFORMS["jax.vmap"] = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])
"""


def test_a_violation_is_one_and_leaves_all_that_shows_it(
    ran: Callable[..., Any], breaking: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    log, xml, text = (tmp_path / name for name in ("run.jsonl", "junit.xml", "summary.md"))
    views = ("--junit", xml, "--markdown", text)
    got = ran(
        "run", *SELECTION, "--subject", "square", "-n", 1, "--log", log, *views, **breaking(BROKEN)
    )
    assert (got.status, got.err) == (1, f"violated: {LAW}, jax.vmap of square\n")
    result = results(log)["square"]
    assert result.outcome == "violated"
    expected, wrong = (decode(value) for value in (result.detail.expected, result.detail.got))
    axis = result.detail.call.axes[0].out_axes
    np.testing.assert_allclose(np.flip(wrong, axis), expected, rtol=1e-6)
    script = tmp_path / "run-violations" / "mapping-equals-per-example-jax-vmap-square.py"
    case = json.loads(script.with_suffix(".json").read_text())
    assert load(case)[:2] == (LAW, "jax.vmap")
    for needed in (
        "the examples come out in reverse order (batch-reversed)",
        "square",
        script.name,
    ):
        assert needed in got.out
    assert ET.parse(xml).getroot().get("failures") == "1"
    assert result.detail.message in text.read_text()
    replayed = ran("replay", script.with_suffix(".json"))
    assert (replayed.status, replayed.err) == (0, "")


def test_without_a_log_the_run_is_kept_in_the_users_cache(
    ran: Callable[..., Any], tmp_path: Path
) -> None:
    got = ran("run", *SELECTION, "--subject", "square", "-n", 0)
    assert got.status == 0
    path = Path(got.out.split("log: ")[1].strip())
    assert tmp_path in path.parents
    assert incomplete(read(path)) == []


def test_a_second_run_compiles_nothing_again(ran: Callable[..., Any], tmp_path: Path) -> None:
    spent = []
    for number in (1, 2):
        log = tmp_path / f"{number}.jsonl"
        assert ran("run", *SELECTION, "--subject", "square", "-n", 1, "--log", log).status == 0
        spent.append(results(log)["square"])
    first, second = spent
    # The first run may meet a program of its own again: jax 0.4.30 does.
    assert first.compilations > first.cache_hits
    # An option that the release's XLA does not have is asked of it once, and counts as a compilation.
    refused = len(OPTIONS) - len(fast())
    assert second.compilations == refused
    assert second.cache_hits == first.compilations + first.cache_hits - refused


def test_a_plan_is_followed_call_by_call(ran: Callable[..., Any], tmp_path: Path) -> None:
    from conformance.runner import items, plan
    from properties.profile import PROFILES

    chosen = items.select([LAW], ["jax.vmap"], ["square", "sort"])
    path, log = tmp_path / "plan.json", tmp_path / "run.jsonl"
    # A seed that no run would take by itself: what runs is what the plan says.
    drawn = plan.draw(chosen, attrs.evolve(PROFILES["quick"], seed=987))
    path.write_text(json.dumps(drawn))
    got = ran("run", *SELECTION, "--plan", path, "-n", 2, "--log", log)
    assert got.status == 0
    assert got.err.startswith("first result after ")
    assert got.err.count("\n") == 1
    for item in chosen:
        result = results(log)[item.subject.name]
        assert result.digest == f"{digest(plan.load(path)[item.id]):08x}"
    assert set(results(log)) == {"square", "sort"}


def test_shards_are_the_whole_and_join(ran: Callable[..., Any], tmp_path: Path) -> None:
    logs = [tmp_path / f"{part}.jsonl" for part in (1, 2)]
    chosen = ("--law", "mapping.[eb]*", "--transform", "jax.vmap", "--subject", "s*")
    for part, log in enumerate(logs, 1):
        shard = ("--shard", f"{part}/2")
        assert ran("run", *chosen, "-n", 0, *shard, "--log", log, "--no-cache").status == 0
        assert read(log)[0].shard == (part, 2)
    parts = [set(results(log)) for log in logs]
    assert sum(len(read(log)) > 2 for log in logs) == 2
    joined = ran("report", *logs)
    assert joined.status == 0
    assert "3 checks hold" in joined.out
    assert set.union(*parts) == {"square", "softmax", "sort"}


@pytest.mark.parametrize("defect_id", ["vmap-empty-reduction-dies", "vmap-axis-size-unchecked"])
def test_a_call_in_a_process_of_its_own_shows_its_defect(defect_id: str) -> None:
    (defect,) = (each for each in DEFECTS if each.id == defect_id)
    assert shows_in_a_process(defect) == (defect in installed_defects())


def test_a_call_that_cannot_be_made_says_nothing_of_its_defect() -> None:
    with pytest.raises(RuntimeError, match="ValueError"):
        shows_in_a_process(attrs.evolve(DEFECTS[0], id="no-such-defect"))


def test_a_call_that_does_not_end_in_time_leaves_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_defect, "_DEADLINE", 0.01)  # no interpreter starts so soon
    assert shows_in_a_process(DEFECTS[0])


def test_a_defect_of_another_platform_is_not_in_force() -> None:
    platforms = {defect.platform for defect in DEFECTS}
    assert {None, "cpu", "gpu"} <= platforms
    assert {defect.platform for defect in installed_defects()} <= {None, jax.default_backend()}


@pytest.mark.parametrize(
    ("law", "subject", "outcome"),
    [
        ("sharing.ensemble-members", "dense", "not-applicable"),
        ("sharing.init-matches-reference", "dense", "holds"),
    ],
)
def test_keys_that_jax_documents_to_draw_otherwise_under_a_map_are_told_apart(
    law: str, subject: str, outcome: str
) -> None:
    item = items.Item(LAWS[law], TRANSFORMS["flax.linen.vmap"], SUBJECTS[subject])
    with jax.default_prng_impl("rbg"):
        result = run_item(item, PROFILES["quick"].asked(0, [law]))
    assert result.outcome == outcome
    if outcome == "not-applicable":
        assert "docs.jax.dev" in result.detail.reason


@pytest.mark.parametrize("transform", ["flax.linen.vmap", "flax.nnx.vmap"])
@pytest.mark.parametrize("subject", ["accumulator", "column-cell", "partitioned-dense"])
def test_modules_of_our_own_have_the_same_dtypes_where_jax_has_wider_ones(
    transform: str, subject: str
) -> None:
    item = items.Item(LAWS["sharing.options"], TRANSFORMS[transform], SUBJECTS[subject])
    reason = item.law.skip_reason(item.transform, item.subject)
    with x64():
        assert run_item(item, PROFILES["quick"].asked(0, [item.law.id])).outcome == (
            "not-applicable" if reason else "holds"
        )


@pytest.mark.parametrize(
    ("law", "transform", "one_in"),
    [
        ("parallel.shard-map-agrees", "jax.shard_map", 8),
        ("gradients.forward", "jax.vmap", 3),
        ("mapping.equals-per-example", "jax.vmap", 1),
    ],
)
def test_a_quick_run_samples_the_catalogue_and_another_seed_another_part(
    law: str, transform: str, one_in: int
) -> None:
    quick = PROFILES["quick"]
    rules = [
        items.Item(LAWS[law], TRANSFORMS[transform], subject)
        for subject in SUBJECTS.values()
        if getattr(subject, "kind", None) == "rule"
    ]
    taken = {
        seed: {
            item.id
            for item in rules
            if item.not_sampled_reason(attrs.evolve(quick, seed=seed)) is None
        }
        for seed in range(100)
    }
    assert len(rules) / one_in / 2 < len(taken[0]) < len(rules) / one_in * 1.5
    assert set().union(*taken.values()) == {item.id for item in rules}
    for item in [item for item in rules if item.id not in taken[0]][:3]:
        result = run_item(item, quick)
        missing = item.transform.unavailable()
        assert result.outcome == ("not-applicable" if missing else "not-sampled")
        assert result.detail.reason == (missing or item.not_sampled_reason(quick))


@pytest.mark.parametrize(
    ("law", "transform", "few"),
    [
        ("sharing.nested", "flax.linen.vmap", True),
        ("sharing.equals-per-example", "flax.nnx.vmap", True),
        ("sharing.metadata", "flax.linen.vmap", False),
        ("sharing.equals-per-example", "flax.linen.vmap", False),
        ("mapping.equals-per-example", "jax.vmap", False),
    ],
)
def test_a_quick_run_samples_a_third_of_the_subjects_where_law_or_transform_is_derived(
    law: str, transform: str, few: bool
) -> None:
    every = [
        item
        for item in items.select([law], [transform])
        if item.subject in MODULES + FUNCTIONS
        and item.defect is None
        and not item.law.inapplicable_reason(item.transform, item.subject)
    ]
    quick, taken = PROFILES["quick"], set()
    for seed in range(60):
        profile = attrs.evolve(quick, seed=seed)
        held = {item.id for item in every if item.not_sampled_reason(profile) is None}
        assert len(held) == (-(-len(every) // 3) if few else len(every))
        taken |= held
    assert taken == {item.id for item in every}
    for named in ([law], []), ([], ["dense"]):
        assert not any(item.not_sampled_reason(quick.asked(0, *named)) for item in every)
    own = attrs.evolve(every[0].subject, name="of-a-user")
    assert attrs.evolve(every[0], subject=own).not_sampled_reason(quick) is None


def test_a_quick_run_samples_of_a_users_subject_the_laws_that_say_little_of_it() -> None:
    from conformance import own

    mine = own.function("of-a-user", lambda x, y: x * y, [("n",), ("n",)])
    every = [
        items.Item(law, transform, mine)
        for transform in TRANSFORMS.values()
        for law in LAWS.values()
        if law.applies_to(transform, mine)
    ]
    seeds = [attrs.evolve(PROFILES["quick"], seed=seed) for seed in range(400)]
    sampled = [{i.id for i in every if i.not_sampled_reason(p) is None} for p in seeds[:20]]
    assert max(map(len, sampled)) < len(every) / 2
    always = set.intersection(*sampled)
    assert {i.law.id for i in every if i.id in always and i.transform.name == "jax.vmap"} == {
        "mapping.equals-per-example",
        "mapping.called-again",
        "gradients.per-example",
    }
    for item in every:
        assert (item.law.tier == "essential") <= (item.id in always)
        assert any(item.not_sampled_reason(profile) is None for profile in seeds)
        assert item.not_sampled_reason(PROFILES["quick"].asked(0, ["of-a-user"])) is None


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_says_of_each_item_that_it_does_not_sample_why(
    ran: Callable[..., Any], tmp_path: Path, workers: int
) -> None:
    log = tmp_path / "log.jsonl"
    chosen = ("--transform", "flax.linen.vmap", "--shard", "1/40", "--seed", 5)
    assert ran("run", *chosen, "-n", workers, "--log", log).status == 0
    events = read(log)
    assert incomplete(events) == []
    results = [event for event in events if isinstance(event, Result)]
    every = items.select(transforms=["flax.linen.vmap"], shard=(1, 40))
    profile = PROFILES["quick"].asked(5)
    left = {item.planned_as for item in every if not item.is_sampled(profile)}
    said = {f"{r.law}|{r.transform}|{r.subject}": r.detail for r in results}
    assert len(results) == len(every) > len(left) > 0
    assert all("which the seed chooses" in said[name].reason for name in left)
    started = [event for event in events if isinstance(event, Started)]
    assert len(started) == len(every) - len(left)


def test_what_only_a_compiled_map_may_hold_is_compiled() -> None:
    item = items.Item(
        LAWS["parallel.shard-map-agrees"], TRANSFORMS["jax.shard_map"], SUBJECTS["lax.swap"]
    )
    reason = item.law.skip_reason(item.transform, item.subject)
    if reason is not None:
        pytest.skip(reason)
    drawn = plan.draw([item], attrs.evolve(PROFILES["quick"], sampling=Sampling()))["calls"][
        item.id
    ]
    eager = [attrs.evolve(from_json(call), eager=True) for call in drawn]
    assert run_item(item, PROFILES["quick"], calls=eager).outcome == "holds"


def test_a_given_call_of_the_catalogue_is_always_checked() -> None:
    item = items.Item(LAWS["gradients.forward"], TRANSFORMS["jax.vmap"], SUBJECTS["lax.sin"])
    seeds = (attrs.evolve(PROFILES["quick"], seed=seed) for seed in range(50))
    quick = next(profile for profile in seeds if item.not_sampled_reason(profile))
    drawn = plan.draw([item], attrs.evolve(quick, sampling=Sampling()))["calls"][item.id]
    planned = plan.draw([item], quick)
    assert (planned["calls"], *planned["not_sampled"].values()) == ({}, [item.id])
    assert run_item(item, quick).outcome == "not-sampled"
    assert run_item(item, quick, calls=[from_json(c) for c in drawn]).outcome == "holds"


def test_what_a_plan_has_no_calls_of_says_so() -> None:
    item = items.Item(LAWS[LAW], TRANSFORMS["jax.vmap"], SUBJECTS["square"])
    result = run_item(item, PROFILES["quick"], calls=[])
    assert result.outcome == "not-applicable"
    assert "plan has no call" in result.detail.reason
