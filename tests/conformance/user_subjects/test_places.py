"""A file of the user's is named so that it can be opened from where they are."""

from pathlib import Path

import pytest

from conformance.user_subjects.places import short


def test_a_file_is_named_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "project" / "ci" / "mine.py"
    file.parent.mkdir(parents=True)
    for here, name in (
        ("project/ci", "mine.py"),
        ("project", "ci/mine.py"),
        ("", "project/ci/mine.py"),
    ):
        monkeypatch.chdir(tmp_path / here)
        assert short(str(file)) == name
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # the control: it does not lie below
    assert short(str(file)) == "ci/mine.py"
