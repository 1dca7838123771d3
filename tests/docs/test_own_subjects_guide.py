"""Each Python block of the guide to users' own subjects runs, with models in the reader's place."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from conformance import own, testing
from conformance.transforms import TRANSFORMS

from .test_code_blocks import ROOT, blocks

ESSENTIAL = ["*.equals-per-example", "collectives.equal-plain-reductions"]
WHOLE = ["mapping.whole-batch", "sharing.native-broadcast"]
BLOCKS = blocks((ROOT / "docs" / "own-subjects.md").read_text(encoding="utf-8"), "python")


def _chunked_vmap(function: Callable[..., Any], *where: Any, **axes: Any) -> Any:
    return jax.vmap(function, *where, **axes)


@pytest.fixture
def checked() -> list[Any]:
    """What the blocks check, in order."""
    return []


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, checked: list[Any]) -> Iterator[dict[str, Any]]:
    """The names that the reader's own modules define, and an `assert_conforms` of few laws."""
    nnx = pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "own_subjects"))
    import model
    import models

    conforms = testing.assert_conforms

    def assert_conforms(*given: Any, batched: Any = None, **options: Any) -> None:
        checked.append(given[0])
        laws = WHOLE if batched is not None and "axis_name" not in options else ESSENTIAL
        conforms(*given, batched=batched, laws=laws, **options)

    # The blocks import it by name.
    monkeypatch.setattr(testing, "assert_conforms", assert_conforms)
    before = set(TRANSFORMS)
    yield {
        **vars(models),
        **vars(model),
        "assert_conforms": assert_conforms,
        "own": own,
        "nnx": nnx,
        "Classifier": lambda rngs: models.make_classifier(),
        "distance": lambda a, b: jnp.sum((a - b) ** 2),
        "distances_of_rows": lambda a, b: jnp.sum((a - b) ** 2, -1),
        "centred": lambda x: x - jax.lax.pmean(x, "examples"),
        "chunked_vmap": _chunked_vmap,
    }
    for name in set(TRANSFORMS) - before:
        del TRANSFORMS[name]
        testing.OWN_TRANSFORMS.discard(name)


@pytest.mark.parametrize("place", range(len(BLOCKS)))
def test_a_block_runs(place: int, reader: dict[str, Any], checked: list[Any]) -> None:
    code = BLOCKS[place].code
    exec(compile(code, f"own-subjects.md, block {place + 1}", "exec"), reader)
    for name, test in list(reader.items()):
        if f"\ndef {name}(" in code:
            test()
    assert len(checked) == code.count("    assert_conforms(") + code.count("\nassert_conforms(") + (
        code.startswith("assert_conforms(")
    )
