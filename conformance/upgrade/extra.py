"""The optional dependencies of `upgrade` and `bisect`; imports none of them."""

import importlib.util
import shutil


def missing_extra() -> str | None:
    """What to install where the optional dependencies are not there, in one line."""
    there = {
        "uv": uv_executable() is not None,
        "filelock": importlib.util.find_spec("filelock") is not None,
    }
    lacking = " and ".join(name for name, found in there.items() if not found)
    if not lacking:
        return None
    return (
        f"building environments needs {lacking}, not installed here: "
        "pip install 'vmap-conformance[upgrade]'"
    )


def uv_executable() -> str | None:
    """The executable of the package uv, or else the one on PATH."""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")
