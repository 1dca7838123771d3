"""What a person writes for an environment is read, or refused in a sentence."""

from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    build,
    parse,
)


@pytest.mark.parametrize(
    ("spec", "kind", "requirements", "python"),
    [
        ("installed", "installed", (), None),
        ("2025-02-01", "date", (), None),
        ("2024-07-01@3.10", "date", (), "3.10"),
        ("jax==0.8.3 on 2026-01-29@3.11", "requirements", ("jax==0.8.3",), "3.11"),
        ("jax,flax@3.13", "requirements", ("jax", "flax"), "3.13"),
        ("jax==0.9.0,flax==0.12.3", "requirements", ("jax==0.9.0", "flax==0.12.3"), None),
        ("jax>=0.5,<0.6, flax@3.11.7", "requirements", ("jax>=0.5,<0.6", "flax"), "3.11.7"),
        ("jax[cpu,k8s]>=0.5,flax", "requirements", ("jax[cpu,k8s]>=0.5", "flax"), None),
    ],
)
def test_env_is_read(spec: str, kind: str, requirements: tuple[str, ...], python: str | None):
    read = parse(spec)
    assert (read.text, read.kind, read.requirements) == (spec, kind, requirements)
    assert read.python == python
    assert (read.date is not None) == (kind == "date" or " on " in spec)


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("", "is not a requirement; write a name"),
        ("2025-02-30", "'2025-02-30' is not a date: a date is written as 2025-02-01"),
        ("2025-2", "is not a date"),
        ("20250201", "is not a date"),
        ("2999-01-01", "is in the future; for the newest releases write jax,flax"),
        ("jax=0.9", "'jax=0.9' is not a requirement"),
        ("jax,,flax", "is not a requirement"),
        ("jax==0.9.0,fl ax", "'fl ax' in 'jax==0.9.0,fl ax' is not a requirement"),
        ("jax@", "'' in 'jax@' is not a Python version"),
        ("jax@2.7", "'2.7' in 'jax@2.7' is not a Python version"),
        ("jax@3.13@3.12", "is not a Python version"),
        ("installed@3.13", "write installed alone, or requirements such as jax,flax@3.13"),
    ],
)
def test_what_is_no_env_is_refused_in_a_sentence(spec: str, rule: str):
    with pytest.raises(ValueError, match=r"\S") as refusal:
        parse(spec)
    assert rule in str(refusal.value)


def test_an_env_that_is_none_stops_the_others_before_anything_is_built(tmp_path: Path):
    with pytest.raises(ValueError, match="is not a date"):
        build(["installed", "2025-13-01"], directory=tmp_path / "cache")
    with pytest.raises(ValueError, match="is not a requirement"):
        build(["installed"], extra=["a b"], directory=tmp_path / "cache")
    with pytest.raises(ValueError, match=r"has no pyproject\.toml or setup\.py"):
        build(["installed"], editable=[tmp_path], directory=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
