"""A candidate's directory is counted and removed, however it is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.judge.sandbox import scratch


def deep(directory: Path, depth: int) -> None:
    here = os.open(directory, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "scratch"
    directory.mkdir()
    (directory / "file").write_bytes(b"x" * 10_000)
    (directory / "link").symlink_to("/")
    (directory / "closed").mkdir()
    (directory / "closed" / "inside").mkdir()
    (directory / "closed" / "inside" / "file").write_text("x")
    (directory / "closed" / "inside").chmod(0)
    (directory / "closed").chmod(0)
    deep(directory, 3000)
    yield directory
    # pytest removes old directories by recursion, which this one is too deep for.
    if directory.exists():
        scratch.remove_tree(str(directory))


def test_everything_is_counted_once(tree: Path) -> None:
    entries, size = scratch.usage(str(tree), 10_000)
    assert entries == 4 + 2 + 2999
    assert size >= 10_000


def test_counting_ends_at_the_limit(tree: Path) -> None:
    assert scratch.usage(str(tree), 100)[0] == 101


def test_everything_is_removed_and_nothing_else(tree: Path) -> None:
    neighbour = tree.parent / "neighbour"
    neighbour.mkdir()
    (neighbour / "file").write_text("x")
    (tree / "out").symlink_to(neighbour)
    scratch.remove_tree(str(tree))
    assert not tree.exists()
    assert (neighbour / "file").exists()


def test_many_links_are_removed_without_a_listing_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "scratch" / "work"
    work.mkdir(parents=True)
    (work / "file").write_text("x")
    for number in range(60):
        os.link(work / "file", work / f"link{number}")
        (tmp_path / "scratch" / f"directory{number}" / "inside").mkdir(parents=True)
    listed = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: listed.append(place) or listdir(place))
    scratch.remove_tree(str(tmp_path / "scratch"))
    assert not (tmp_path / "scratch").exists()
    assert len(listed) <= 130, "each directory is listed once, and the top once a level"


def test_a_directory_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    scratch.remove_tree(str(tmp_path / "nowhere"))
