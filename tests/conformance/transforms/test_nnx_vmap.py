"""What `flax.nnx.vmap` says of laws that are not its own; its faults are among the mutants' tests."""

import pytest

from conformance.transforms import TRANSFORMS
from conformance.transforms.nnx import vmap
from properties.laws import LAWS
from properties.subjects import SUBJECTS

NNX, LINEN = TRANSFORMS["flax.nnx.vmap"], TRANSFORMS["flax.linen.vmap"]

pytestmark = pytest.mark.skipif(NNX.unavailable() is not None, reason=str(NNX.unavailable()))


@pytest.mark.parametrize("subject", ["members", "key-probe"])
def test_what_is_not_written_in_nnx_says_so(subject: str) -> None:
    why = LAWS["sharing.no-batch-axis"].skip_reason(NNX, SUBJECTS[subject])
    assert why is not None
    assert subject in why


def test_it_has_no_table_of_splits() -> None:
    why = LAWS["sharing.split-table"].skip_reason(NNX, SUBJECTS["dense"])
    assert why is not None
    assert "split_rngs" in why


def test_an_nnx_that_cannot_be_imported_is_not_applicable(monkeypatch: pytest.MonkeyPatch) -> None:
    def importing(name: str) -> None:
        raise AttributeError(f"module {name!r} has no attribute 'HiPrimitive'")

    vmap.not_importable.cache_clear()
    assert NNX.unavailable() is None
    with monkeypatch.context() as patched:
        patched.setattr(vmap.importlib, "import_module", importing)
        vmap.not_importable.cache_clear()
        why = NNX.unavailable()
        modules = [NNX.missing_module_reason(SUBJECTS[name]) for name in ("dense", "repeated")]
        linen = [LINEN.missing_module_reason(SUBJECTS[name]) for name in ("use.bridged", "dense")]
    vmap.not_importable.cache_clear()
    assert why is not None
    assert "flax.nnx cannot be imported, AttributeError" in why
    assert modules == [why, why]
    assert linen == [why, None]
