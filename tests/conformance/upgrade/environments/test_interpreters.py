"""Finding the interpreter of a version."""

import os
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    NotBuilt,
    interpreters,
)


def test_an_interpreter_is_found_in_pyenv_though_its_shim_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    running = interpreters.running()
    minor = ".".join(running.version.split(".")[:2])
    shims = tmp_path / "shims"
    pyenv = tmp_path / "pyenv" / "versions" / running.version / "bin"
    for directory, text in ((shims, "exit 127"), (pyenv, f'exec "{running.path}" "$@"')):
        directory.mkdir(parents=True)
        (directory / f"python{minor}").write_text(f"#!/bin/sh\n{text}\n")
        (directory / f"python{minor}").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(interpreters, "running", lambda: interpreters.Python(Path("x"), "3.1.0"))
    assert interpreters.find(running.version).version == running.version
    with pytest.raises(NotBuilt, match=r"Python 3\.98 was not found; install it"):
        interpreters.find("3.98")
