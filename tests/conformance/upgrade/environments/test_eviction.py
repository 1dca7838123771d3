"""What was not used for long is removed."""

import os
import time
from pathlib import Path

from conformance.upgrade.environments import (
    eviction,
)


def test_what_was_not_used_for_long_is_removed(tmp_path: Path):
    kept, old, young = (tmp_path / name for name in ("kept", "old", "young"))
    for place in (kept, old, young):
        place.mkdir()
        (place / "file").write_text("")
    long_ago = time.time() - (eviction.DAYS + 1) * 24 * 3600
    (tmp_path / "old.lock").write_text("")
    for place in (kept, old):
        os.utime(place, (long_ago, long_ago))
    eviction.touch_and_evict(kept, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "young"]
    assert time.time() - kept.stat().st_mtime < 60
