"""The same from the model's own test suite: one import, one call per subject."""

from model import AttentionBlock, GRUEncoder, similarity

from conformance.own import indices
from conformance.testing import assert_conforms


def test_the_attention_block_maps() -> None:
    assert_conforms(AttentionBlock(width=4), [("length", 4)])


def test_the_encoder_maps() -> None:
    assert_conforms(GRUEncoder(20, features=3), [indices("length", below=20)])


def test_similarity_maps_under_vmap() -> None:
    assert_conforms(similarity, [("n",), ("n",)], ["jax.vmap"])
