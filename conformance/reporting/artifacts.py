"""Files that a run leaves beside its log: a script and a stored case for each violation."""

import json
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from conformance.events.details import Violation
from conformance.events.records import Result
from conformance.reporting.summary import item_name

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 100


def save_violations(
    failures: Iterable[Result], log_path: Path, own: Sequence[str] = ()
) -> dict[str, str]:
    """Save what shows each violation.

    Args:
        failures: Results that do not conform.
        log_path: The log; the files go to a directory beside it.
        own: The modules that list the user's subjects, which `replay` needs as well.

    Returns:
        The path of the script by `item_name`. The stored case has the same path with `.json`.

    Raises:
        OSError: A file cannot be written.

    """
    saved: dict[str, str] = {}
    taken: set[str] = set()
    directory = log_path.with_name(log_path.stem + "-violations")
    for failure in failures:
        if not isinstance(failure.detail, Violation):
            continue
        directory.mkdir(parents=True, exist_ok=True)
        name = slug(failure)
        # Two names may differ only in what a slug, or a file system without case, does not keep.
        name += f"-{len(saved)}" if name.lower() in taken else ""
        taken.add(name.lower())
        script = directory / f"{name}.py"
        script.write_text(failure.detail.script, encoding="utf-8", errors="backslashreplace")
        call = msgspec.to_builtins(failure.detail.call)
        case = {"law": failure.law, "transform": failure.transform, "call": call}
        case |= {"subjects": list(own)} if own else {}
        script.with_suffix(".json").write_text(json.dumps(case, indent=1) + "\n", encoding="utf-8")
        saved[item_name(failure)] = str(script)
    return saved


def slug(result: Result) -> str:
    """A file's name for an item, whatever characters its subject has; for most items a different one."""
    name = f"{result.law}-{result.transform}-{result.subject}".replace(".", "-")
    safe = _UNSAFE.sub("-", name)[:_LONGEST]
    if safe == name:
        return safe
    return f"{safe}-{zlib.crc32(item_name(result).encode('utf-8', 'replace')):08x}"
