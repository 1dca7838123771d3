"""Asking uv: with pip's configuration where uv has none, and with its complaints in one clause."""

import ast
import functools
import os
import re
import subprocess
import sys
import tempfile

import uv

from conformance.upgrade.environments.interpreters import Python, minors

TIMEOUT = 900
"""Seconds for one answer of uv, downloads included."""


class NotBuilt(Exception):
    """An environment that could not be had: one sentence with the value, the rule and the remedy."""


@functools.cache
def pip_settings() -> dict[str, str]:
    """pip's configuration, which uv does not read: from its files, then from the environment."""
    settings = {}
    for command in ([sys.executable, "-m", "pip"], ["pip"]):
        try:
            listed = subprocess.run(
                [*command, "config", "list"], capture_output=True, text=True, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if listed.returncode == 0:
            found = re.findall(r"^(?:global|install)\.([\w-]+)=('.*'|\".*\")$", listed.stdout, re.M)
            settings = {name: str(ast.literal_eval(value)) for name, value in found}
            break
    for name in ("index-url", "extra-index-url", "find-links", "cert"):
        variable = os.environ.get(f"PIP_{name.replace('-', '_').upper()}")
        if variable is not None:
            settings[name] = variable
    return settings


def indexes() -> list[str]:
    """pip's indexes as lines of a requirements file: there uv's own configuration comes first."""
    options = ("index-url", "extra-index-url", "find-links")
    settings = pip_settings()
    return [f"--{option} {url}" for option in options for url in settings.get(option, "").split()]


def ask(*arguments: str, python: Python | None = None) -> None:
    """Run uv. Raises `NotBuilt` with what it said, as one clause and a remedy."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    variables |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    if "extra-index-url" in pip_settings():
        variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip does
    if "cert" in pip_settings():
        variables.setdefault("SSL_CERT_FILE", pip_settings()["cert"])
    with tempfile.TemporaryDirectory() as elsewhere:  # where no project's own settings are found
        try:
            done = subprocess.run(
                [uv.find_uv_bin(), *arguments],
                cwd=elsewhere,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise NotBuilt(f"uv gave no answer in {TIMEOUT} s; check the network") from None
        except FileNotFoundError as error:
            raise NotBuilt(f"uv was not found ({error}); reinstall the package uv") from None
    if done.returncode:
        raise NotBuilt(why(done.stderr, python))


def why(said: str, python: Python | None) -> str:
    """What uv said on standard error, as a clause that names the rule and one with the remedy."""
    kept = [line for line in said.splitlines() if line.strip() and not line.startswith("warning:")]
    begun = [
        number for number, line in enumerate(kept) if re.match(r"\s*(error:|[^\x00-\x7f] )", line)
    ]
    lines = [re.sub(r"^\W*(error: |cause: |Caused by: )?", "", line) for line in kept]
    text = " ".join(line.strip() for line in lines)
    hints = [number for number, line in enumerate(lines) if line.startswith("hint:")]
    told = lines[begun[0] if begun else 0 : hints[0] if hints else None] or ["uv gave no reason"]
    last = told[-1].strip()
    if re.search(r"os error 28\b|No space left", text):
        return "there is no space left on the device; free some"
    if re.search(r"Failed to fetch|error sending request|Request failed", text):
        url = re.search(r"(https?|file)://[^\s`)]+", text)
        where = f" at {url.group()}" if url else ""
        return f"the registry{where} gave no answer ({last}); check the network and pip's or uv's index"
    there = f"(found on this machine: {', '.join(minors())})"
    if python is not None and (another := _needs_another(python, text)):
        what, remedy = another
        return f"{what}, not Python {python.minor}; add {remedy} {there}"
    because = re.search(r"Because (.+?)(?:, we can conclude|\. |$)", text)
    if not because:
        return f"{': '.join(dict.fromkeys([*told[:1], last]))}; mend that, and try again"
    rule = because.group(1)
    if "is missing an upload date" in said:
        rule += " (what has no upload date in the registry counts as newer than any date)"
    return f"{rule}; ask for versions that exist and go together, or for another Python {there}"


def _needs_another(python: Python, text: str) -> tuple[str, str] | None:
    """What needs another Python, and what to add to ENV for it."""
    needed = re.findall(
        r"does not satisfy Python>=3\.(\d+)\S* and (?:all versions of )?(\S+)", text
    )
    newer = [(int(n), name) for n, name in needed if int(n) > int(python.minor.split(".")[1])]
    if newer:
        least, name = min(newer)
        return f"{name} needs Python 3.{least} or newer", f"@3.{least} or newer"
    wheels = re.search(r"only found wheels for `?([\w.-]+)`?.*", text)
    if wheels:
        tags = sorted({int(minor) for minor in re.findall(r"`cp3(\d+)`", wheels.group())})
        if tags and int(python.minor.split(".")[1]) not in tags:
            known = ", ".join(f"3.{minor}" for minor in tags)
            return f"{wheels.group(1)} is built for Python {known}", f"@3.{tags[-1]}"
    return None
