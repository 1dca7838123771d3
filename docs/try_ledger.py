"""Try the minimal call of every known defect on the installed release, in its range or not.

`python docs/try_ledger.py` adds the release to docs/defects/ledger.json, of which docs/make_pages.py makes a
table. Defects that end the process, or are of another platform, are left out.
"""

import json
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parent / "defects" / "ledger.json"


def main() -> None:
    """Try each defect, and keep what came of it."""
    from conformance.runner import environment_info, process_env

    process_env.prepare(process_env.environment(cache=False))
    import jax

    from conformance.known_defects import DEFECTS

    tried = {
        defect.id: _outcome(defect)
        for defect in DEFECTS
        if not defect.crashes_process and defect.platform in (None, jax.default_backend())
    }
    versions = environment_info.versions()
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    kept[str(versions["jax"])] = {"flax": versions["flax"], "calls": tried}
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _outcome(defect: Any) -> str:
    """What the law says of the call: `shows` where it does not hold."""
    from conformance.transforms import TRANSFORMS
    from properties.law import violation
    from properties.laws import LAWS

    law, transform = LAWS[defect.law], TRANSFORMS[defect.transform]
    try:
        if transform.unavailable():
            return "cannot run"
        return "does not show" if violation(law, transform, defect.call) is None else "shows"
    except Exception:  # a name that this release does not have, say
        return "cannot run"


if __name__ == "__main__":
    main()
