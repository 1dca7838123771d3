"""The keys the reference derives are, bit for bit, those that the installed Linen hands out."""

import flax.core
import flax.linen as nn
import jax
import numpy as np
import pytest

from reference import keys
from reference.scope import Scope, apply

# Where a key of which stream is asked for, in this order. The scopes that come back and the streams
# that alternate are what a wrong rule for counting would trip over.
DRAWS = [
    ((), "params"),
    ((), "dropout"),
    (("Dense_0",), "dropout"),
    (("Dense_0",), "params"),
    (("Dense_0",), "dropout"),
    (("Block_0", "Dense_0"), "params"),
    (("Block_0", "Dense_0"), "noise"),  # not given: falls back to "params", and counts there
    (("Block_0", "Dense_0"), "params"),
    (("Dense_0",), "dropout"),
    (("Größe",), "params"),
    ((), "dropout"),
]


def bits(key):
    """A key's words, typed or raw."""
    return np.asarray(key if key.dtype == np.uint32 else jax.random.key_data(key)).tolist()


def draw(root, child):
    """The keys for DRAWS, given a root scope and how to get a scope's child."""
    drawn = []
    for path, stream in DRAWS:
        scope = root
        for name in path:
            scope = child(scope, name)
        drawn.append(bits(scope.make_rng(stream)))
    return drawn


@pytest.mark.parametrize("make_key", [jax.random.key, jax.random.PRNGKey], ids=["typed", "raw"])
@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_keys_are_linens(make_key, impl):
    with jax.default_prng_impl(impl):
        rngs = {"params": make_key(7), "dropout": make_key(8)}
        ours = draw(Scope({}, rngs), lambda scope, name: scope.child(name))
        linens = draw(flax.core.Scope({}, rngs), lambda scope, name: scope.push(name, reuse=True))
    assert ours == linens
    assert len({tuple(key) for key in ours}) == len(DRAWS)


def test_many_draws_count_as_linen_counts():
    rngs = {"params": jax.random.key(0)}
    ours, linens = Scope({}, rngs).child("a"), flax.core.Scope({}, rngs).push("a")
    for _ in range(258):  # the count outgrows its first byte at 256
        assert bits(ours.make_rng("params")) == bits(linens.make_rng("params"))


def test_first_draw_at_the_root_folds_in_the_digest_of_one_byte():
    # sha1(b"\x01") = bf8b4530d8d246dd74ac53a13471bba17941dff7, and no code of ours in sight.
    key = jax.random.key(3)
    assert bits(keys.derive(key, (), 1)) == bits(jax.random.fold_in(key, 0xBF8B4530))


def test_count_starts_at_one():
    with pytest.raises(ValueError, match="counted from 1, got count=0"):
        keys.derive(jax.random.key(0), (), 0)


def test_no_stream_to_draw_from():
    with pytest.raises(KeyError, match="no key for stream 'dropout'"):
        Scope({}, {"noise": jax.random.key(0)}).make_rng("dropout")


class Draw(nn.Module):
    """Hands out two keys of its own."""

    @nn.compact
    def __call__(self, x):
        return [jax.random.key_data(self.make_rng(name)) for name in ("params", "dropout")]


class Holder(nn.Module):
    """A lifted module inside another: its scope's name is VmapDraw_0."""

    split: dict[str, bool]

    @nn.compact
    def __call__(self, x):
        return nn.vmap(Draw, split_rngs=self.split)()(x)


@pytest.mark.parametrize("nested", [False, True], ids=["root", "nested"])
@pytest.mark.parametrize("split_params", [False, True])
@pytest.mark.parametrize("split_dropout", [False, True])
def test_lift_splits_the_root_key_before_the_path_is_folded_in(nested, split_params, split_dropout):
    split = {"params": split_params, "dropout": split_dropout}
    rngs = {"params": jax.random.key(1), "dropout": jax.random.key(2)}
    lifted = Holder(split) if nested else nn.vmap(Draw, split_rngs=split)()
    linens = lifted.apply({}, np.zeros(3), rngs=rngs)
    for i, streams in enumerate(keys.lift(rngs, split, 3)):
        scope = Scope({}, streams, path=("VmapDraw_0",) if nested else ())
        ours = [bits(scope.make_rng(name)) for name in ("params", "dropout")]
        assert ours == [np.asarray(key[i]).tolist() for key in linens]


def test_stream_left_out_of_split_is_gone():
    rngs = {"params": jax.random.key(1), "dropout": jax.random.key(2)}
    assert [set(streams) for streams in keys.lift(rngs, {"dropout": True}, 2)] == [{"dropout"}] * 2
    with pytest.raises(flax.errors.InvalidRngError):
        nn.vmap(Draw, split_rngs={"dropout": True})().apply({}, np.zeros(2), rngs=rngs)


def test_keys_are_counted_anew_in_each_apply():
    rngs = {"params": jax.random.key(4)}

    def module(scope):
        return bits(scope.make_rng("params"))

    assert apply(module, {}, rngs=rngs) == apply(module, {}, rngs=rngs)
    assert apply(module, {}, rngs=rngs) == apply(module, {}, rngs=jax.random.key(4))


def test_nnx_counts_over_the_whole_module_and_splits_what_it_draws():
    nnx = pytest.importorskip("flax.nnx", reason="this flax has no NNX")
    root = jax.random.key(6)

    def module(scope):
        inner = scope.child("inner")
        return [each.make_rng("params") for each in (scope, inner, inner, scope)]

    streams = nnx.Rngs(params=root)
    ours = module(Scope({}, {"params": root}, derivation=keys.NNX))
    assert [bits(key) for key in ours] == [bits(streams.params()) for _ in range(4)]
    if not hasattr(nnx, "split_rngs"):
        pytest.skip("this flax has no nnx.split_rngs")
    seen = nnx.split_rngs(splits=3)(
        nnx.vmap(lambda rngs: jax.random.key_data(rngs.params()), in_axes=0)
    )(nnx.Rngs(params=root))
    lifted = keys.lift({"params": root}, {"params": True}, 3, keys.NNX)
    ours = [Scope({}, each, derivation=keys.NNX).make_rng("params") for each in lifted]
    assert [bits(key) for key in ours] == np.asarray(seen).tolist()
