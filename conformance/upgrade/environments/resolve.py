"""What an environment consists of: requirements resolved to versions, and those of this process."""

import hashlib
import importlib.metadata
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import attrs
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from conformance.upgrade.environments.interpreters import Python
from conformance.upgrade.environments.run_uv import NotBuilt, run_uv

_FOLLOW = {"jax", "jaxlib", "flax", "chex", "numpy"}


@attrs.frozen
class Needs:
    """Requirements of every environment, whatever its ENV asks for."""

    libraries: tuple[str, ...]
    """What follows ENV and its date, with all that these need."""
    tools: tuple[str, ...]
    """What runs the suite: in the versions of this process, where they resolve."""
    added: tuple[str, ...] = ()
    """What the user's own code needs; resolved as the tools are."""


def of_the_suite(added: Sequence[str] = ()) -> Needs:
    """The suite's own requirements as `Needs`. Raises `NotBuilt` where it is not installed."""
    try:
        listed = importlib.metadata.requires("vmap-conformance") or []
    except importlib.metadata.PackageNotFoundError:
        raise NotBuilt(
            "vmap-conformance is not installed here, so that its requirements are not known; "
            "install it with pip"
        ) from None
    requirements = [r for r in map(Requirement, listed) if "extra ==" not in str(r.marker)]
    tools = tuple(str(r) for r in requirements if r.name not in _FOLLOW)
    return Needs(tuple(str(r) for r in requirements if r.name in _FOLLOW), tools, tuple(added))


def resolve(
    asked: Sequence[str], day: date | None, needs: Needs, python: Python, memory: Path
) -> str:
    """The lock text of one environment: a requirement with its version on each line.

    Args:
        asked: The requirements of ENV.
        day: The last day whose releases count for the libraries.
        needs: What the environment must have besides.
        python: Its interpreter.
        memory: A directory in which the resolution of a day that is over is kept.

    Raises:
        NotBuilt: The requirements cannot be resolved.

    """
    options = ["--only-binary=:all:"]  # nobody waits for a NumPy to compile
    if day is not None:
        # An instant: uv takes a bare date to end when it ends in the machine's time zone.
        options.append(f"--exclude-newer={day + timedelta(days=1)}T00:00:00Z")
    first = [*asked, *needs.libraries]
    own = [f"{name}=={version}" for name, version in sorted(own_versions().items())]

    def now() -> str:
        with _scratch() as scratch:
            libraries = _compile(scratch / "libraries", first, python, options)
            pinned = libraries.splitlines()
            names = {line.split("==")[0] for line in pinned}
            rest = [*pinned, *needs.tools, *needs.added]
            prefer = [line for line in own if line.split("==")[0] not in names]
            try:
                return _compile(scratch / "all", rest, python, [], prefer)
            except NotBuilt:
                # A preferred version can be in the way where one of two registries lacks files of it.
                return _compile(scratch / "all", rest, python, [])

    if day is None or day >= datetime.now(timezone.utc).date() or needs.added:
        return now()
    key = "\n".join([str(python), *options, *first, *needs.tools, *own, *_registries()])
    kept = memory / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.resolved"
    if not kept.exists():
        lock = now()
        memory.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=memory, suffix=".partial")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(lock)
        os.replace(partial, kept)
    return kept.read_text(encoding="utf-8")


def install(lock: str, python: Python, place: Path) -> None:
    """Make a virtual environment at `place` of exactly what the lock text says."""
    with _scratch() as scratch:
        run_uv("venv", f"--python={python.path}", str(place))
        file = _written(scratch / "lock", lock.splitlines())
        run_uv("pip", "install", "--no-deps", f"--python={place / 'bin' / 'python'}", f"-r{file}")


def _compile(
    stem: Path,
    requirements: Sequence[str],
    python: Python,
    options: Sequence[str],
    prefer: Sequence[str] = (),
) -> str:
    wanted = _written(stem.with_suffix(".in"), requirements)
    out = stem.with_suffix(".txt")
    # uv keeps to the versions of an output file that is there, as far as they resolve.
    out.write_text("\n".join(prefer), encoding="utf-8")
    plain = ("--no-header", "--no-annotate", f"--output-file={out}", f"--python={python.path}")
    run_uv("pip", "compile", *plain, *options, str(wanted))
    return out.read_text(encoding="utf-8")


def _written(path: Path, requirements: Sequence[str]) -> Path:
    path.write_text("\n".join(requirements), encoding="utf-8")
    return path


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-") as directory:
        yield Path(directory)


def _registries() -> list[str]:
    """The variables that say where uv looks: another registry may resolve to other versions."""
    return sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("UV_"))


def own_versions() -> dict[str, str]:
    """What this process has installed, by normalised name."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        try:
            name = str(canonicalize_name(distribution.name))
            Requirement(f"{name}=={distribution.version}")
        except (InvalidRequirement, TypeError, KeyError):
            continue  # what some other installer left half-way is of no use
        found.setdefault(name, distribution.version)
    return found
