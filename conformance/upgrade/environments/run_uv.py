"""Running uv, which finds interpreters, resolves requirements, and builds environments."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from conformance.upgrade import lifeline
from conformance.upgrade.extra import missing_extra, uv_executable

TIMEOUT = 900
"""Seconds for one answer of uv, downloads included."""

_NO_ANSWER = re.compile("error sending request|dns error|tcp connect error")
_UNREACHED = (
    "the package index does not answer; check the network, or name another index with UV_INDEX_URL"
)

LONGEST = 600
"""Characters of an explanation of uv's that are shown."""


class NotBuilt(Exception):
    """An environment that could not be built, in one line."""


def run_uv(*arguments: str) -> str:
    """What uv prints. It uses its own configuration (`UV_INDEX_URL`, uv.toml), not pip's.

    Raises:
        NotBuilt: uv failed; the message is uv's own explanation in one line.

    """
    command = uv_executable()
    if command is None:
        raise NotBuilt(str(missing_extra()))
    with tempfile.TemporaryDirectory() as elsewhere:  # where no project's own settings are found
        try:
            done = lifeline.run(
                [command, *arguments], cwd=elsewhere, env=_variables(), timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise NotBuilt(f"uv gave no answer in {TIMEOUT} s; check the network") from None
    if done.status:
        said = in_one_line(done.stderr) or "uv failed without a reason"
        raise NotBuilt(f"{_UNREACHED} ({said})" if _NO_ANSWER.search(said) else said)
    return done.stdout


def in_one_line(said: str) -> str:
    """What uv explains, without its progress, warnings, drawing characters and line breaks."""
    lines = [line for line in said.splitlines() if not line.startswith("warning:")]
    starts = [
        n for n, line in enumerate(lines) if re.match(r"error:|\s*\N{MULTIPLICATION SIGN}", line)
    ]
    text = " ".join(lines[starts[0] if starts else 0 :])
    text = " ".join(re.sub(r"[^\x00-\x7f]+", " ", text).split()).removeprefix("error: ")
    # The last words are the cause.
    half = LONGEST // 2 - 3
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def _variables() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    kept |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    # pyenv's shims on PATH refuse to run a version that is not selected, and uv stops at the first.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = sorted(map(str, pyenv.glob("versions/3.*/bin")), reverse=True)
    kept["PATH"] = os.pathsep.join([*installed, kept.get("PATH", os.defpath)])
    return kept
