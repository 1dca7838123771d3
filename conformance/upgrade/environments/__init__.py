"""Virtual environments of other releases, built with uv and kept in a cache.

Needs the extra `upgrade`. May import the runner, and what is beneath it.
"""

import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import filelock

from conformance.runner import process_env
from conformance.upgrade.environments import interpreters, resolve, venv
from conformance.upgrade.environments.run_uv import TIMEOUT, NotBuilt
from conformance.upgrade.environments.spec import Spec, check_requirement, parse
from conformance.upgrade.environments.suite_copy import suite_path
from conformance.upgrade.lifeline import StoppedError

__all__ = ["Environment", "NotBuilt", "Spec", "build", "parse", "resolved", "suite_path"]


@attrs.frozen
class Environment:
    """An environment that exists."""

    spec: str
    """ENV, as it was asked for."""
    interpreter: Path
    versions: dict[str, str]
    """What is installed, read back from it."""

    @property
    def label(self) -> str:
        """Such as `jax 0.9.0 flax 0.12.3 py3.11`."""
        named = [
            f"{name} {self.versions[name]}" for name in ("jax", "flax") if name in self.versions
        ]
        return " ".join([*named, "py" + ".".join(self.versions["python"].split(".")[:2])])


def build(
    specs: Sequence[str],
    *,
    extra: Sequence[str] = (),
    editable: Sequence[Path] = (),
    directory: Path | None = None,
) -> list[Environment | NotBuilt]:
    """The environments of these ENVs, in their order, built side by side where they do not exist yet.

    Args:
        specs: ENVs; `installed` is this process's own environment as it is.
        extra: Requirements that go into each environment that is built.
        editable: Directories of packages of the user's, installed into each as editable.
        directory: Where environments are kept; by default in the user's cache.

    Raises:
        ValueError: An ENV, a requirement or a directory is invalid.

    """
    parsed = [parse(spec) for spec in specs]
    for requirement in extra:
        check_requirement(requirement)
    for project in editable:
        if not any((project / name).is_file() for name in ("pyproject.toml", "setup.py")):
            raise ValueError(
                f"{str(project)!r} is not a package: it has no pyproject.toml or setup.py"
            )
    added = [*extra, *(f"--editable {project.resolve().as_uri()}" for project in editable)]
    try:
        needs = resolve.of_the_suite(added)
    except NotBuilt as error:
        return [error for _ in parsed]
    return provide(parsed, needs, directory or process_env.cache_directory() / "environments")


def provide(
    specs: Sequence[Spec], needs: resolve.Needs, directory: Path
) -> list[Environment | NotBuilt]:
    """Environments of what ENV asks for and of `needs`; one that fails stops no other."""

    def one(spec: Spec) -> Environment | NotBuilt:
        try:
            return _environment(spec, needs, directory)
        except (NotBuilt, StoppedError, filelock.Timeout, OSError) as error:
            return _not_built(spec.text, error, directory)

    with ThreadPoolExecutor(max(1, len(specs))) as pool:
        return list(pool.map(one, specs))


def resolved(spec: str) -> dict[str, str] | NotBuilt:
    """The version of each package of such an environment, resolved without building it."""
    asked, directory = parse(spec), process_env.cache_directory() / "environments"
    if asked.kind == "installed":
        return _installed()
    try:
        lock, _ = _lock(asked, resolve.of_the_suite(), directory)
    except (NotBuilt, StoppedError, filelock.Timeout, OSError) as error:
        return _not_built(spec, error, directory)
    pins = (line.split(";")[0].strip().partition("==") for line in lock.splitlines())
    return {name.strip(): version for name, _, version in pins if version}


def _not_built(spec: str, error: Exception, directory: Path) -> NotBuilt:
    """Why an environment cannot be built, and what to do about it."""
    reason = "stopped" if isinstance(error, StoppedError) else str(error)
    if isinstance(error, filelock.Timeout):
        reason = f"another run has been building it for {TIMEOUT} s; end that one"
    elif isinstance(error, OSError):
        reason = (
            f"{error.strerror or error} ({error.filename or directory}); "
            "the cache needs a directory that can be written and has space"
        )
    return NotBuilt(f"{spec} cannot be built: {reason}")


def _environment(spec: Spec, needs: resolve.Needs, directory: Path) -> Environment:
    if spec.kind == "installed":
        return Environment(spec.text, Path(sys.executable), _installed())
    lock, python = _lock(spec, needs, directory)
    home, versions = venv.provide(lock, python, directory)
    return Environment(spec.text, venv.interpreter(home), versions)


def _installed() -> dict[str, str]:
    return {"python": platform.python_version(), **resolve.own_versions()}


def _lock(spec: Spec, needs: resolve.Needs, directory: Path) -> tuple[str, interpreters.Python]:
    """What the environment consists of, and its interpreter."""
    python = interpreters.find(spec.python)
    return resolve.resolve(spec.requirements, spec.date, needs, python, directory), python
