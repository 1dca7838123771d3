"""A registry of tiny packages in a directory, so that no network is asked."""

import base64
import hashlib
import zipfile
from pathlib import Path

from conformance.upgrade.environments import (
    Environment,
    NotBuilt,
    parse,
    provide,
)
from conformance.upgrade.environments.resolve import Needs

NOTHING = Needs((), ())


def add_wheel(
    registry: Path,
    name: str,
    version: str,
    *needs: str,
    python: str = ">=3.8",
    tag: str = "py3-none-any",
) -> None:
    """A wheel with one module that says its version, and its line in the registry."""
    info = f"{name}-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n"
    )
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: " + tag + "\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        rows.append(f"{path},sha256={digest.rstrip('=')},{len(text.encode())}\n")
    files[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    page = registry / name / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    wheel = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(page.parent / wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    before = page.read_text() if page.exists() else ""
    python = python.replace(">", "&gt;").replace("<", "&lt;")
    page.write_text(f'{before}<a href="{wheel}" data-requires-python="{python}">{wheel}</a><br>')


def not_built(spec: str, tmp_path: Path, needs: Needs = NOTHING) -> str:
    (refusal,) = provide([parse(spec)], needs, tmp_path / "cache")
    assert isinstance(refusal, NotBuilt)
    assert "\n" not in str(refusal)
    assert str(refusal).startswith(f"{spec} cannot be built: ")
    return str(refusal)


def site_packages(environment: Environment) -> Path:
    (found,) = environment.interpreter.parents[1].glob("lib/python3.*/site-packages")
    return found


def built(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())
