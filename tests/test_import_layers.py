"""Imports go downwards only, and the wheel works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_imports_keep_to_the_contracts_in_pyproject() -> None:
    code = "from importlinter.cli import lint_imports_command as c; c()"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel holds, unpacked far from the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(place / "site")
    return place / "site"


def _cli(site: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    place = site.parent
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(place / "cache")}
    main = f"{code}\nfrom conformance.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", main, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_runs_outside_the_checkout(wheel: Path) -> None:
    own = (
        "import conformance, properties, reference; from pathlib import Path; "
        f"assert all(Path(m.__file__).is_relative_to({str(wheel)!r}) "
        "for m in (conformance, properties, reference))"
    )
    chosen = ("--law", "mapping.equals-per-example", "--transform", "jax.vmap")
    page = wheel.parent / "page.html"
    more = ("--subject", "square", "-n", "1", "--html", str(page))
    ran = _cli(wheel, "run", *chosen, *more, code=own)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 check holds" in ran.stdout
    assert "mapping.equals-per-example" in page.read_text(encoding="utf-8")


def test_the_wheel_judges_outside_the_checkout(wheel: Path) -> None:
    candidate = wheel.parent / "candidate.py"
    candidate.write_text("def vectorized_square(x):\n    return x * x\n")
    ran = _cli(wheel, "check", str(candidate))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_foreign_package_of_the_same_name_is_named(wheel: Path) -> None:
    foreign = wheel.parent / "foreign" / "reference"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(foreign.parent)!r})"
    ran = _cli(wheel, "list", "laws", code=code)
    assert ran.returncode == 3
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert str(foreign) in line
    assert "another distribution has the same import name" in line
