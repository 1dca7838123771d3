"""What names warn of, each time that they are asked."""

from pathlib import Path
from typing import Any

import pytest

from conformance.observations import warned

STUB = "import warnings\n\nwarnings.warn('old: use new', DeprecationWarning)\nvalue = 1\n"
OUTER = """
import warnings


def __getattr__(name):
    if name != "held":
        raise AttributeError(name)
    warnings.warn("held: use other", DeprecationWarning)
    return complex(1, 2)
"""


def heard(name: str) -> list[str]:
    ((_, said),) = warned.of_name(name)
    lines: Any = said
    return [each["line"] for each in lines]


def test_an_import_and_a_part_of_a_name_are_heard_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package_that_warns"
    package.mkdir()
    (package / "__init__.py").write_text(OUTER)
    (package / "old.py").write_text(STUB)
    (package / "sound.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        assert heard("package_that_warns.old") == ["old: use new"]
        assert heard("package_that_warns.held.real") == ["held: use other"]
        assert heard("package_that_warns.sound") == []


def test_what_is_said_of_the_compilation_cache_is_not_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module_with_a_cache.py").write_text(
        "import warnings\n\ndef __getattr__(name):\n"
        "    for said in ('reading', 'writing'):\n"
        "        warnings.warn(f\"Error {said} persistent compilation cache entry for 'jit_f': cut off\")\n"
        "    warnings.warn('old: use new')\n"
        "    return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert heard("module_with_a_cache.value") == ["old: use new"]
