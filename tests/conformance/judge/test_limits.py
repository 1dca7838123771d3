"""Limits of time grow with the machine's load, and not without end."""

from __future__ import annotations

import os

import attrs
import pytest

from conformance.judge.exercises import is_of_the_package, load_exercises
from conformance.judge.worker_run import MAX_LOAD, MAX_LOAD_TOGETHER, Limits, load_per_core


@pytest.mark.parametrize(
    ("load", "expected"), [(0.0, 1.0), (4.0, 1.0), (8.0, 2.0), (400.0, MAX_LOAD)]
)
def test_limits_are_longer_on_a_busy_machine(
    load: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert load_per_core() == expected
    limits = Limits(patience=20.0, unit=0.5)
    assert limits.load == limits.new_shape == 2 * limits.known_shape == 10 * expected
    assert limits.computing == 20
    together = min(expected, MAX_LOAD_TOGETHER)
    assert limits.total(10) == limits.total(55) == 80 * together
    assert limits.total(110) == 160 * together


def test_limits_follow_what_the_reference_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    slowest = 0.0
    limits = Limits(20.0, 0.5, lambda: slowest)
    assert limits.new_shape == 10
    slowest = 3.0  # a call of the reference that came later
    assert (limits.new_shape, limits.known_shape, limits.total(10)) == (60, 30, 480)


def test_the_calls_of_a_teachers_own_exercise_wait_for_its_reference() -> None:
    ours = load_exercises()["vectorized_square"]
    assert is_of_the_package(ours)
    assert not is_of_the_package(attrs.evolve(ours))  # a teacher's own of the same name
    assert not is_of_the_package(attrs.evolve(ours, name="cube"))


def test_without_a_load_average_limits_are_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> None:
        raise OSError

    monkeypatch.setattr(os, "getloadavg", unknown)
    assert load_per_core() == 1.0
