"""Run the tests on the oldest and the newest releases of JAX and Flax, for each supported Python.

`nox` runs the gates and every environment; `nox -s "tests(3.10-floor)"` runs one of them.
"""

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["gates", "tests"]

FLOORS = {"3.10": "2024-07-15", "3.11": "2024-07-15", "3.12": "2024-07-15", "3.13": "2024-12-20"}
"""The day of the oldest supported releases for each Python: jax 0.4.30 and flax 0.8.5, or, for
Python 3.13, the first releases that have wheels for it."""

CHECKED = ("jax", "jaxlib", "flax", "numpy", "chex", "hypothesis")


@nox.session
@nox.parametrize(
    "python,release",
    [
        nox.param(python, release, id=f"{python}-{release}")
        for python in FLOORS
        for release in ("floor", "newest")
    ],
)
def tests(session: nox.Session, release: str) -> None:
    """Run the tests on the oldest or the newest releases for one Python."""
    if release == "floor":
        session.install(*CHECKED, "--exclude-newer", FLOORS[str(session.python)])
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
def gates(session: nox.Session) -> None:
    """Check style, types, import layers and generated pages."""
    session.install("-e", ".[dev]")
    session.run("bash", ".ci/gates", external=True)


@nox.session(python="3.13")
def coverage(session: nox.Session) -> None:
    """Run the tests, and require that they run most of the packages' lines."""
    session.install("-e", ".[test]")
    # Python's own monitoring, from 3.12 on: a trace function would be called for every line of JAX, too.
    session.run(
        "pytest", "--cov", "--cov-report=", *session.posargs, env={"COVERAGE_CORE": "sysmon"}
    )


@nox.session(python="3.11")
def mutants(session: nox.Session) -> None:
    """Break every transform and every batching rule, and require that the suite notices."""
    session.install("-e", ".")
    session.run("vmap-conformance", "mutants")
    session.run("vmap-conformance", "mutants", "--rules", "*")


@nox.session(python="3.13")
def newest(session: nox.Session) -> None:
    """Run the suite on the newest releases, pre-releases among them."""
    session.install("-e", ".")
    session.install("--upgrade", "--prerelease=allow", "jax", "jaxlib", "flax")
    session.run("vmap-conformance", "run", "--profile", "ci", *session.posargs)


@nox.session(python="3.11")
def docs(session: nox.Session) -> None:
    """Build the site; a warning, such as a dead link, fails."""
    session.install("mkdocs-material>=9.5")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session(python="3.11")
def build(session: nox.Session) -> None:
    """Build the sdist and the wheel, check both, and start what the wheel installs."""
    session.install("build", "twine")
    dist = Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "build", "--outdir", str(dist))
    made = [str(path) for path in sorted(dist.iterdir())]
    session.run("twine", "check", "--strict", *made)
    session.install(next(name for name in made if name.endswith(".whl")))
    session.cd(session.create_tmp())
    session.run("vmap-conformance", "list", "laws")
