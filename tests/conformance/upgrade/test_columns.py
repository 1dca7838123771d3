"""Logs side by side."""

from typing import Any

from conformance.upgrade.columns import gather


def cell(name: str, asked: str, **versions: str) -> list[dict[str, Any]]:
    environment = {"jax": "0.10.2", "flax": "0.12.8", "python": "3.11.7", **versions}
    header = {"type": "header", "cell": name, "environment": environment, "asked": asked}
    what = {"law": "mapping.equals-per-example", "transform": "jax.vmap", "subject": "square"}
    numbers = {"outcome": "holds", "seconds": 1.0, "detail": None, "examples": 1}
    return [
        {**header, "profile": "quick", "seed": 0},
        {"type": "result", "cell": name, **what, **numbers},
        {"type": "footer", "cell": name, "seconds": 1.0, "counts": {"holds": 1}},
    ]


def test_environments_of_equal_versions_are_told_apart_by_what_was_asked_for() -> None:
    events = [*cell("a", "installed"), *cell("b", "2026-11-01"), *cell("c", "jax", jax="0.9.0")]
    labels = [column.label for column in gather(events).columns]
    same = "jax 0.10.2, flax 0.12.8, Python 3.11.7"
    assert labels == [
        f"{same} (installed)",
        f"{same} (2026-11-01)",
        "jax 0.9.0, flax 0.12.8, Python 3.11.7",
    ]
