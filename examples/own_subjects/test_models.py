"""One line for each model: mapping it gives what applying it to each example gives."""

import models
import pytest

from conformance import own
from conformance.testing import assert_conforms, parametrize_subjects


def test_cnn() -> None:
    assert_conforms(models.CNN(), [(6, 6, 2)])


def test_transformer() -> None:
    assert_conforms(
        models.Transformer(),
        [own.indices("length", below=9), own.booleans("length")],
        keywords={"train": True},
        streams=("params", "dropout"),
    )


def test_rnn() -> None:
    assert_conforms(models.RNN(), [("length", 3)])


def test_nnx_classifier() -> None:
    pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    assert_conforms(models.make_classifier(), [("length", 4)])


def test_optimiser_step() -> None:
    assert_conforms(models.train_step, [{"w": ("n", "m"), "b": ("m",)}, ("n",), ("m",)])


def test_equinox_mlp() -> None:
    pytest.importorskip("equinox")
    assert_conforms(models.make_equinox_mlp(), [(3,)])


# A test for each subject, law and transform, such as step/jax.vmap/mapping.concatenates.
test_each_law = parametrize_subjects(
    [own.function("step", models.train_step, [{"w": ("n", "m"), "b": ("m",)}, ("n",), ("m",)])],
    ["jax.vmap"],
    ["mapping.*"],
)
