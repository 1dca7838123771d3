"""That Threefry's other stream is drawn is told before anything runs."""

import pytest

from conformance.events.user_code import Use, UserSources
from conformance.upgrade.for_you import before_it_runs
from conformance.upgrade.for_you.packages import Side


def _told(prng: str | None, was: bool | None, now: bool | None, *names: str) -> list[str]:
    uses = [Use(file="a.py", line=3, name=name) for name in names]
    sources = UserSources(files=1, uses=uses, unreadable=[])
    sides = Side(None, {}, prng, was), Side(None, {}, prng, now)
    early = before_it_runs(sources, {}, {}, {}, {}, sides)
    return [line.sentence for line in early.work if line.what == "jax.random"]


def test_another_stream_is_told_with_the_flag_that_keeps_the_old_one() -> None:
    (said,) = _told("threefry2x32", False, True, "jax.random.normal")
    assert said.startswith("the same keys give other numbers. JAX's default of")
    assert "'jax_threefry_partitionable', False" in said


@pytest.mark.parametrize(
    ("prng", "was", "now", "name"),
    [
        ("threefry2x32", True, True, "jax.random.normal"),
        ("threefry2x32", False, False, "jax.random.normal"),
        # rbg draws by itself.
        ("rbg", False, True, "jax.random.normal"),
        ("threefry2x32", False, True, "jax.random.key"),
        ("threefry2x32", False, True, "jax.config.jax_threefry_partitionable"),
        # Nothing is known of an environment that was not asked.
        (None, None, True, "jax.random.normal"),
    ],
)
def test_the_same_stream_and_sources_that_do_not_draw_are_not_told(
    prng: str | None, was: bool | None, now: bool | None, name: str
) -> None:
    assert _told(prng, was, now, name) == []
