"""From a file to its verdicts."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from conformance.exercises.exercise import Exercise, Finding
from conformance.judge import diagnosis, lanes, launch, talk, verdicts, warm
from conformance.judge.compare import compare
from conformance.judge.expect import Answer, Call, Expectations, draw_calls, expected
from conformance.judge.files import Unreadable, read_candidate
from conformance.judge.lanes import Lane, Limits
from conformance.judge.verdicts import Counterexample, Diagnosis, Verdict

MOST_MEMORY = 6 * 2**30
"""Bytes that all processes of one worker may hold together."""
LEAST_UNIT = 0.5


@attrs.frozen
class Options:
    """How candidates are judged."""

    examples: int = 100
    seed: int = 0
    strict: bool = False
    patience: float = 20.0
    only: str | None = None


@attrs.define
class Bench:
    """All that judging needs: a server, the exercises, their calls and right answers.

    With `many` candidates to come, compiling an exercise's own solution for them pays.
    """

    server: launch.Server
    exercises: Mapping[str, Exercise]
    options: Options
    warmth: warm.Warmth | None = None
    many: bool = False
    expectations: dict[str, Expectations] = attrs.field(factory=dict)
    lock: threading.Lock = attrs.field(factory=threading.Lock)


def expectations_of(bench: Bench, exercise: Exercise) -> Expectations:
    """The exercise's calls, drawn once for all candidates."""
    with bench.lock:
        if exercise.name not in bench.expectations:
            calls = draw_calls(exercise, bench.options.examples, bench.options.seed)
            bench.expectations[exercise.name] = Expectations(exercise, calls)
            if bench.many and bench.warmth is not None:
                threading.Thread(target=warm.warm, args=(bench.warmth, [exercise])).start()
        return bench.expectations[exercise.name]


def check_file(bench: Bench, path: Path) -> list[Verdict]:
    """One verdict for every exercise that the file has a function for; one where it has none."""
    started = time.perf_counter()
    name = path.name
    try:
        content = read_candidate(path)
    except Unreadable as problem:
        return [_plain(bench, name, verdicts.ERROR, str(problem), started)]
    pair = _pair(bench)
    try:
        functions = _load(bench, pair, name, content, _first_limits(bench))
        trouble = next((lane.trouble for lane in pair if lane.trouble), None)
        if trouble is not None:
            return [_troubled(bench, name, None, pair, trouble, None, started)]
        wanted = [bench.options.only] if bench.options.only else list(bench.exercises)
        exercises = [bench.exercises[each] for each in wanted if each in functions]
        if not exercises:
            words = f"the file defines none of: {', '.join(wanted)}"
            return [_plain(bench, name, verdicts.MISSING, words, started)]
        results = []
        for place, exercise in enumerate(exercises):
            if place:
                started = time.perf_counter()
                _end(pair)
                pair = _pair(bench)
                _load(bench, pair, name, content, _first_limits(bench))
            results.append(_examine(bench, name, exercise, pair, started))
        return results
    finally:
        _end(pair)


def _pair(bench: Bench) -> tuple[Lane, Lane]:
    return Lane(talk.Talk(_worker(bench))), Lane(talk.Talk(_worker(bench)))


def _worker(bench: Bench) -> launch.Worker:
    """A worker; from a new server where a candidate has brought the old one down."""
    seconds = bench.options.patience * 60
    server = bench.server
    try:
        return launch.start_worker(server, seconds, MOST_MEMORY)
    except launch.Unavailable:
        with bench.lock:
            if bench.server is server:
                launch.stop_server(server)
                cache = None if bench.warmth is None else bench.warmth.place / "compiled"
                bench.server = launch.start_server(server.level, cache)
        return launch.start_worker(bench.server, seconds, MOST_MEMORY)


def _end(pair: tuple[Lane, Lane]) -> None:
    for lane in pair:
        if not lane.talk.closed:
            lane.ended = talk.end(lane.talk)


def _first_limits(bench: Bench) -> Limits:
    return Limits(bench.options.patience, max(LEAST_UNIT, bench.server.seconds / 2))


def _load(
    bench: Bench, pair: tuple[Lane, Lane], name: str, content: bytes, limits: Limits
) -> list[str]:
    found: list[list[str]] = []
    _together(
        [lambda lane=lane: found.append(lanes.load(lane, name, content, limits)) for lane in pair]
    )
    return [each for each in found[0] if each in found[1]]


def _together(tasks: list[Any]) -> None:
    """Run the tasks at the same time; what one raises is raised here."""
    raised: list[BaseException] = []

    def guarded(task: Any) -> None:
        try:
            task()
        except BaseException as problem:
            raised.append(problem)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def _examine(
    bench: Bench, name: str, exercise: Exercise, pair: tuple[Lane, Lane], started: float
) -> Verdict:
    wanted = expectations_of(bench, exercise)
    first, second = lanes.divide(wanted.calls, bench.options.seed)
    if wanted.calls:
        expected(wanted, wanted.calls[0].number)
    limits = Limits(
        bench.options.patience, max(LEAST_UNIT, wanted.slowest, bench.server.seconds / 4)
    )
    _together(
        [
            lambda: lanes.work(pair[0], exercise, first, limits),
            lambda: lanes.work(pair[1], exercise, second, limits),
            lambda: [expected(wanted, call.number) for call in wanted.calls],
        ]
    )
    return _decide(bench, name, exercise, pair, limits, started)


def _decide(
    bench: Bench,
    name: str,
    exercise: Exercise,
    pair: tuple[Lane, Lane],
    limits: Limits,
    started: float,
) -> Verdict:
    wanted = expectations_of(bench, exercise)
    trouble = next((lane.trouble for lane in pair if lane.trouble), None)
    if trouble is not None:
        return _troubled(bench, name, exercise, pair, trouble, wanted, started)
    base = _base(bench, name, exercise, pair, started)
    wrong = _wrong(wanted, pair)
    if wrong:
        found = _unsteady(pair) or diagnosis.of_wrong(exercise, wrong)
        found = found or diagnosis.by_probing(exercise, wrong[0], _asker(pair[0], exercise, limits))
        return _violation(base, exercise, wrong[0], found)
    unsteady = _unsteady(pair)
    if unsteady is not None:
        words = "the same call gave different answers in two processes"
        return attrs.evolve(
            base, verdict=verdicts.VIOLATES, words=words, law=exercise.law, diagnosis=unsteady
        )
    return _seen(bench, base, exercise, pair, wanted)


def _wrong(wanted: Expectations, pair: tuple[Lane, Lane]) -> list[diagnosis.Wrong]:
    """The wrong answers, the smallest call first."""
    found = []
    for lane in pair:
        for number, given in lane.answers.items():
            right = expected(wanted, number)
            mismatch = compare(given, right)
            if mismatch is not None:
                found.append(diagnosis.Wrong(wanted.calls[number], right, given, mismatch))
    return sorted(found, key=lambda each: (*weight(each.call), each.call.number))


def weight(call: Call) -> tuple[int, int, int]:
    """How much there is to read in a call: its values, their digits, its other numbers."""
    values = list(_leaves(call.arguments))
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    size = sum(array.size for array in arrays)
    digits = sum(len(f"{float(v):g}") for array in arrays for v in array.ravel()[:200])
    others = [value for value in values if isinstance(value, (int, float))]
    return size, digits, sum(len(str(value)) for value in others)


def _leaves(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _leaves(item)
    else:
        yield tree


def _unsteady(pair: tuple[Lane, Lane]) -> Diagnosis | None:
    """Answers that differ between the two processes, beyond what their bits may."""
    one, other = (lane.answers for lane in pair)
    both = [number for number in one if number in other]
    different = any(not diagnosis.same(one[number], other[number]) for number in both)
    return diagnosis.NOT_DETERMINISTIC if different else None


def _asker(lane: Lane, exercise: Exercise, limits: Limits) -> diagnosis.Ask:
    def ask(call: Call) -> Any:
        number = max(lane.answers, default=0) + 100_000
        if lane.trouble is not None or lane.talk.closed:
            return None
        if not lanes.make(lane, exercise, attrs.evolve(call, number=number), limits.new_shape):
            return None
        return lane.answers.pop(number)

    return ask


def _violation(
    base: Verdict, exercise: Exercise, wrong: diagnosis.Wrong, found: Diagnosis | None
) -> Verdict:
    place = wrong.mismatch.leaf
    shown = wrong.given.arrays[place] if wrong.given.arrays else wrong.given.unfit
    leaf = wrong.right.leaves[place]
    right = leaf.value.astype(leaf.dtype)
    example = Counterexample(
        dict(wrong.call.arguments), right, shown, wrong.mismatch.words, wrong.mismatch.ulps
    )
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        words=wrong.mismatch.words,
        law=exercise.law,
        diagnosis=found,
        counterexample=example,
    )


def _seen(
    bench: Bench, base: Verdict, exercise: Exercise, pair: tuple[Lane, Lane], wanted: Expectations
) -> Verdict:
    """What was observed may still turn a right answer into a violation; never the reverse."""
    lifted = False
    for lane in pair:
        for number, notes in lane.observed.items():
            lifted = lifted or bool(notes.get("vmaps"))
            if lane.changed.get(number):
                call = wanted.calls[number]
                example = Counterexample(dict(call.arguments), difference="an argument was changed")
                return attrs.evolve(
                    base,
                    verdict=verdicts.VIOLATES,
                    words="an argument was changed in place",
                    law=exercise.law,
                    observed=True,
                    diagnosis=diagnosis.INPUT_MUTATED,
                    counterexample=example,
                )
            finding = _finding(exercise, wanted.calls[number], notes)
            if finding is not None:
                return _observed(base, exercise, wanted.calls[number], finding)
    if exercise.expects_lift and not lifted:
        remark = "flax.linen.vmap was not called; the answers are right without it"
        if bench.options.strict:
            words = "flax.linen.vmap was not called, which --strict asks for"
            return attrs.evolve(base, verdict=verdicts.VIOLATES, words=words, observed=True)
        return attrs.evolve(base, remarks=(*base.remarks, remark))
    return base


def _finding(exercise: Exercise, call: Call, notes: Mapping[str, Any]) -> Finding | None:
    if exercise.observe is None:
        return None
    try:
        return exercise.observe(call.arguments, notes)
    except Exception:  # notes come from the candidate's process and may be anything
        return None


def _observed(base: Verdict, exercise: Exercise, call: Call, finding: Finding) -> Verdict:
    pitfalls = {pitfall.id: diagnosis.words(pitfall) for pitfall in exercise.pitfalls}
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        words=finding.seen,
        law=finding.law,
        observed=True,
        diagnosis=pitfalls.get(finding.pitfall),
        counterexample=Counterexample(dict(call.arguments), difference=finding.seen),
    )


def _troubled(
    bench: Bench,
    name: str,
    exercise: Exercise | None,
    pair: tuple[Lane, Lane],
    trouble: lanes.Trouble,
    wanted: Expectations | None,
    started: float,
) -> Verdict:
    example = None
    if wanted is not None and trouble.call is not None:
        call = wanted.calls[trouble.call]
        answer: Answer = expected(wanted, call.number)
        leaf = answer.leaves[0]
        right = leaf.value.astype(leaf.dtype) if len(answer.leaves) == 1 else None
        example = Counterexample(dict(call.arguments), right, difference=trouble.words)
    found = None
    if trouble.error is not None and exercise is not None:
        found = diagnosis.of_error(trouble.error, exercise)
    return attrs.evolve(
        _base(bench, name, exercise, pair, started),
        verdict=trouble.verdict,
        words=trouble.words,
        law=None if exercise is None else exercise.law,
        diagnosis=found,
        error=trouble.error,
        counterexample=example,
    )


def _base(
    bench: Bench, name: str, exercise: Exercise | None, pair: tuple[Lane, Lane], started: float
) -> Verdict:
    for lane in pair:
        if not lane.talk.closed:
            talk.drain(lane.talk)
    loud = max(pair, key=lambda lane: lane.talk.printed).talk
    numbers = {number for lane in pair for number in lane.answers}
    shapes: set[int] = set()
    if exercise is not None:
        shapes = {number % len(exercise.shapes) for number in numbers}
    return attrs.evolve(
        _plain(bench, name, verdicts.CONFORMS, "", started),
        exercise=None if exercise is None else exercise.name,
        printed=loud.output.decode("utf-8", "replace"),
        printed_bytes=loud.printed,
        reading=() if exercise is None else exercise.reading,
        calls=len(numbers),
        shapes=len(shapes),
    )


def _plain(bench: Bench, name: str, verdict: str, words: str, started: float) -> Verdict:
    return Verdict(
        candidate=name,
        exercise=None,
        verdict=verdict,
        words=words,
        isolation=bench.server.level,
        lacks=tuple(bench.server.lacks),
        seconds=time.perf_counter() - started,
    )
