"""Each mistake is noticed, where the model is said to take a whole batch."""

from typing import Any

import mistakes
import models
import pytest

from conformance import own
from conformance.testing import assert_conforms

VALUES = ["mapping.whole-batch", "sharing.native-broadcast"]


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (mistakes.LeakingCNN(), [(6, 6, 2)]),
        (mistakes.WrongAxisTransformer(), [own.indices("length", below=9)]),
        (mistakes.RememberingRNN(), [("length", 3)]),
        (mistakes.clipped_step, [("n",), ("n",)]),
    ],
    ids=["cnn", "transformer", "rnn", "step"],
)
def test_a_mistake_is_noticed(model: Any, inputs: Any) -> None:
    with pytest.raises(AssertionError, match="breaks"):
        assert_conforms(model, inputs, batched=True, laws=VALUES)


def test_a_leaking_nnx_classifier_is_noticed() -> None:
    pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    with pytest.raises(AssertionError, match=r"breaks mapping\.whole-batch"):
        assert_conforms(mistakes.make_leaking_classifier(), [("m", 4)], batched=True, laws=VALUES)


def test_a_normalising_equinox_mlp_is_noticed() -> None:
    pytest.importorskip("equinox")
    with pytest.raises(AssertionError, match=r"breaks mapping\.whole-batch"):
        assert_conforms(mistakes.make_normalising_mlp(), [("m", 3)], batched=True, laws=VALUES)


@pytest.mark.parametrize(
    ("model", "inputs"),
    [(models.CNN(), [(6, 6, 2)]), (models.RNN(), [("length", 3)])],
    ids=["cnn", "rnn"],
)
def test_a_model_that_takes_batches_conforms(model: Any, inputs: Any) -> None:
    assert_conforms(model, inputs, batched=True, laws=VALUES)
