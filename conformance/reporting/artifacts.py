"""Files that a run leaves beside its log: a script and a stored case for each violation."""

import json
from pathlib import Path

from conformance.events.log import Event


def violations(failures: list[Event], log_path: Path) -> dict[int, str]:
    """Save what shows each violation; the scripts' paths by place in the list."""
    saved = {}
    directory = log_path.with_name(log_path.stem + "-violations")
    for number, failure in enumerate(failures):
        detail = failure["detail"] or {}
        if "script" not in detail:
            continue
        directory.mkdir(parents=True, exist_ok=True)
        name = "-".join((failure["law"], failure["transform"], failure["subject"])).replace(
            ".", "-"
        )
        script = directory / f"{name}.py"
        script.write_text(detail["script"], encoding="utf-8")
        case = {"law": failure["law"], "transform": failure["transform"], "call": detail["call"]}
        script.with_suffix(".json").write_text(json.dumps(case, indent=1) + "\n", encoding="utf-8")
        saved[number] = str(script)
    return saved
