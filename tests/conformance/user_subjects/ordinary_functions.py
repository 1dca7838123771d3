"""Functions as JAX's users write them, each of one example: all must be judged, and none misjudged."""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.experimental.ode import odeint
from jax.scipy import special, stats

from conformance import own


class State(NamedTuple):
    position: Any
    velocity: Any


def _spd(m: Any) -> Any:
    return m @ m.T + m.shape[0] * jnp.eye(m.shape[0])


def _lstm(carry: Any, x: Any) -> Any:
    c, h = carry
    i, f, g, o = jnp.split(jnp.concatenate([x, h, x - h, x + h]), 4)
    c = jax.nn.sigmoid(f + 1) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (c, h), h


def _newton(x: Any) -> Any:
    return lax.while_loop(
        lambda s: (jnp.abs(s[0] ** 2 - x) > 1e-3) & (s[1] < 30),
        lambda s: (0.5 * (s[0] + x / s[0]), s[1] + 1),
        (x, 0),
    )


def _step(state: State, dt: Any) -> State:
    velocity = state.velocity - dt * jnp.sin(state.position)
    return State(state.position + dt * velocity, velocity)


def _attention(q: Any, k: Any, v: Any, mask: Any) -> Any:
    logits = jnp.where(mask, q @ k.T / jnp.sqrt(q.shape[-1]), -1e9)
    return jax.nn.softmax(logits, axis=-1) @ v


def _adam(params: Any, gradient: Any) -> Any:
    optimizer = optax.adam(1e-2)
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    return optax.apply_updates(params, updates)


def _kalman(mean: Any, cov: Any, z: Any) -> Any:
    cov = _spd(cov)
    gain = cov @ jnp.linalg.inv(cov + jnp.eye(cov.shape[0]))
    return mean + gain @ (z - mean), cov - gain @ cov


def _callable() -> Any:
    class Affine:
        def __init__(self) -> None:
            self.w = np.arange(12.0, dtype=np.float32).reshape(4, 3) / 10

        def __call__(self, x: Any, *, scale: float = 2.0) -> Any:
            return scale * (self.w @ x)

    return Affine()


FUNCTIONS: dict[str, tuple[Any, list[Any]] | tuple[Any, list[Any], dict[str, Any]]] = {
    # linear algebra
    "inverse": (lambda m: jnp.linalg.inv(m + 4 * jnp.eye(4)), [(4, 4)]),
    "solve": (lambda m, b: jnp.linalg.solve(_spd(m), b), [(4, 4), (4,)]),
    "cholesky": (lambda m: jnp.linalg.cholesky(_spd(m)), [(4, 4)]),
    "eigh": (lambda m: jnp.linalg.eigh(m + m.T), [(4, 4)]),
    "svd": (lambda m: jnp.linalg.svd(m, full_matrices=False), [(4, 3)]),
    "qr": (jnp.linalg.qr, [(4, 3)]),
    "det": (jnp.linalg.det, [(3, 3)]),
    "slogdet": (jnp.linalg.slogdet, [(3, 3)]),
    "lstsq": (lambda a, b: jnp.linalg.lstsq(a, b)[0], [(5, 3), (5,)]),
    "pinv": (jnp.linalg.pinv, [(4, 3)]),
    "expm": (jax.scipy.linalg.expm, [(3, 3)]),
    "matrix_power": (lambda m: jnp.linalg.matrix_power(m, 3), [(3, 3)]),
    "norm": (jnp.linalg.norm, [("m", "n")]),
    "triangular": (
        lambda m, b: jax.scipy.linalg.solve_triangular(jnp.tril(m) + 3 * jnp.eye(4), b, lower=True),
        [(4, 4), (4,)],
    ),
    "einsum": (lambda a, b: jnp.einsum("ij,jk->ki", a, b), [("m", "k"), ("k", "n")]),
    "kron": (jnp.kron, [(2, 3), (3, 2)]),
    "cross": (jnp.cross, [(3,), (3,)]),
    "kalman": (_kalman, [(3,), (3, 3), (3,)]),
    # order and choice
    "sort": (jnp.sort, [("n",)]),
    "sort_descending": (functools.partial(jnp.sort, descending=True), [("n",)]),
    "argsort": (jnp.argsort, [("n",)]),
    "median": (jnp.median, [("n",)]),
    "quantile": (lambda x: jnp.quantile(x, 0.3), [("n",)]),
    "top_k": (lambda x: lax.top_k(x, 2), [(6,)]),
    "searchsorted": (lambda a, v: jnp.searchsorted(jnp.sort(a), v), [(6,), ("n",)]),
    "argmax": (lambda x: (jnp.argmax(x), jnp.max(x)), [("n",)]),
    "where": (lambda x, y: jnp.where(x > y, x * y, x - y), [("n",), ("n",)]),
    "clip": (lambda x: jnp.clip(x, -0.5, 0.5), [("n",)]),
    "unique": (lambda x: jnp.unique(x, size=5, fill_value=-1), [own.integers(8, low=0, high=9)]),
    "nonzero": (lambda x: jnp.nonzero(x > 0, size=4, fill_value=-1)[0], [(7,)]),
    "bincount": (lambda x: jnp.bincount(x, length=6), [own.indices(9, below=6)]),
    "histogram": (lambda x: jnp.histogram(x, bins=4, range=(-2.0, 2.0))[0], [(12,)]),
    "digitize": (lambda x: jnp.digitize(x, jnp.array([-1.0, 0.0, 1.0])), [("n",)]),
    "nanmean": (lambda x: jnp.nanmean(jnp.where(x > 1, jnp.nan, x)), [("n",)]),
    "interp": (lambda x, y: jnp.interp(x, jnp.linspace(-2, 2, 5), y), [("n",), (5,)]),
    "select": (
        lambda x: jnp.select([x > 1, x > 0], [x**2, jnp.sin(x)], -x),
        [("n",)],
    ),
    "switch": (
        lambda i, x: lax.switch(i, [jnp.sin, jnp.cos, jnp.tanh], x),
        [own.indices(below=3), ("n",)],
    ),
    "cond": (lambda x: lax.cond(x.sum() > 0, jnp.exp, lambda y: y**2, x), [("n",)]),
    # indices and updates
    "at_set": (lambda x: x.at[1].set(0.0), [(5,)]),
    "at_add": (lambda x, i: x.at[i].add(1.5), [(6,), own.indices("k", below=6)]),
    "at_max": (lambda x: x.at[jnp.array([0, 0, 2])].max(0.3), [(5,)]),
    "take": (lambda x, i: jnp.take(x, i, axis=0), [("m", "n"), own.indices("k", below="m")]),
    "take_along": (
        lambda x: jnp.take_along_axis(x, jnp.argsort(x, axis=-1), axis=-1),
        [("m", "n")],
    ),
    "roll": (lambda x: jnp.roll(x, 2), [("n",)]),
    "flip": (lambda x: x[::-1, :2], [("m", 4)]),
    "pad": (lambda x: jnp.pad(x, (1, 2), mode="reflect"), [(5,)]),
    "tile": (lambda x: jnp.tile(x, (2, 1)), [("m", "n")]),
    "one_hot": (lambda i: jax.nn.one_hot(i, 5), [own.indices("n", below=5)]),
    "segment_sum": (
        lambda x, s: jax.ops.segment_sum(x, s, num_segments=4),
        [(7,), own.indices(7, below=4)],
    ),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i,), (3,)), [(8,), own.indices(below=6)]),
    # arithmetic
    "remainder": (lambda x: x % 0.7, [("n",)]),
    "power": (lambda x, p: x**p, [own.positive("n"), ("n",)]),
    "softplus_power": (lambda x: jax.nn.softplus(x) ** 1.5, [("n",)]),
    "round": (lambda x: jnp.round(3 * x), [("n",)]),
    "floor_divide": (lambda x: x // 0.3, [("n",)]),
    "prod": (jnp.prod, [("n",)]),
    "cumprod": (jnp.cumprod, [("n",)]),
    "cumsum": (lambda x: jnp.cumsum(x, axis=-1), [("m", "n")]),
    "logsumexp": (special.logsumexp, [("m", "n")]),
    "softmax": (jax.nn.softmax, [("m", "n")]),
    "log_softmax": (jax.nn.log_softmax, [("n",)]),
    "gammaln": (special.gammaln, [own.positive("n")]),
    "digamma": (special.digamma, [own.positive("n")]),
    "erf": (special.erf, [("n",)]),
    "ndtri": (special.ndtri, [own.between(0.05, 0.95, "n")]),
    "bessel": (special.i0e, [("n",)]),
    "betainc": (
        special.betainc,
        [own.positive("n"), own.positive("n"), own.between(0.1, 0.9, "n")],
    ),
    "xlogy": (special.xlogy, [own.positive("n"), own.positive("n")]),
    "entropy": (lambda p: -jnp.sum(special.xlogy(p, p)), [own.probabilities("n")]),
    "logpdf": (lambda x: stats.norm.logpdf(x).sum(), [("n",)]),
    "arctan2": (jnp.arctan2, [("n",), ("n",)]),
    "hypot": (jnp.hypot, [("n",), ("n",)]),
    "variance": (lambda x: (jnp.var(x), jnp.std(x, axis=0)), [("m", "n")]),
    "correlation": (jnp.corrcoef, [("m", 6)]),
    "polyval": (jnp.polyval, [(4,), ("n",)]),
    "bit_count": (lambda x: lax.population_count(x) ^ (x >> 2), [own.integers("n")]),
    "fft": (lambda x: jnp.abs(jnp.fft.fft(x)), [(8,)]),
    "rfft": (lambda x: jnp.fft.irfft(jnp.fft.rfft(x) * 0.5), [(8,)]),
    "complex": (lambda x, y: jnp.exp(1j * x) * (y + 1j), [("n",), ("n",)]),
    "bfloat16": (lambda x: (x.astype(jnp.bfloat16) * 3).astype(jnp.float32), [("n",)]),
    # convolution and pooling
    "convolve": (lambda x, w: jnp.convolve(x, w, mode="same"), [(9,), (3,)]),
    "conv2d": (
        lambda x, w: lax.conv(x[None], w, (1, 1), "SAME")[0],
        [(2, 5, 5), (3, 2, 3, 3)],
    ),
    "max_pool": (lambda x: nn.max_pool(x[None], (2, 2), (2, 2))[0], [(4, 4, 2)]),
    "avg_pool": (lambda x: nn.avg_pool(x[None], (2, 2), (1, 1))[0], [(4, 4, 2)]),
    "resize": (lambda x: jax.image.resize(x, (6, 6), "bilinear"), [(3, 3)]),
    # loops
    "scan": (lambda xs: lax.scan(_lstm, (jnp.zeros(3), jnp.zeros(3)), xs), [(5, 3)]),
    "fori": (lambda x: lax.fori_loop(0, 4, lambda i, y: jnp.sin(y) + i, x), [("n",)]),
    "while": (_newton, [own.positive()]),
    "associative_scan": (lambda x: lax.associative_scan(jnp.multiply, x), [(6,)]),
    "odeint": (
        lambda y0: odeint(lambda y, t: jnp.stack([y[1], -y[0]]), y0, jnp.linspace(0.0, 1.0, 4)),
        [(2,)],
    ),
    "map": (lambda x: lax.map(lambda r: jnp.tanh(r).sum(), x), [("m", "n")]),
    "leapfrog": (_step, [State(("n",), ("n",)), ()]),
    "vectorize": (jnp.vectorize(lambda a, b: a @ b, signature="(n),(n)->()"), [("m", 3), (3,)]),
    # learning
    "attention": (_attention, [(4, 3), (4, 3), (4, 3), own.booleans(4, 4)]),
    "layer_norm": (
        lambda x: (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-6),
        [("m", "n")],
    ),
    "gelu": (jax.nn.gelu, [("n",)]),
    "cross_entropy": (
        optax.softmax_cross_entropy_with_integer_labels,
        [(5,), own.indices(below=5)],
    ),
    "grad": (jax.grad(lambda x: jnp.sum(jnp.tanh(x) ** 3)), [("n",)]),
    "hessian": (jax.hessian(lambda x: jnp.prod(jnp.sin(x))), [(3,)]),
    "jacobian": (jax.jacfwd(lambda x: jnp.cumsum(x**2)), [(4,)]),
    "adam": (_adam, [{"w": ("m", "n"), "b": ("n",)}, {"w": ("m", "n"), "b": ("n",)}]),
    "clip_norm": (lambda g: g / jnp.maximum(1.0, optax.global_norm(g)), [("n",)]),
    # draws
    "dropout": (
        lambda key, x: jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0),
        [own.key(), ("n",)],
    ),
    "normal": (lambda key: jax.random.normal(key, (3,)), [own.raw_key()]),
    "categorical": (jax.random.categorical, [own.key(), (5,)]),
    "gamma": (jax.random.gamma, [own.key(), own.positive("n")]),
    "shuffle": (jax.random.permutation, [own.key(), ("n",)]),
    # what can be called, and how
    "object": (_callable(), [(3,)], {"scale": 0.5}),
    "method": (nn.LayerNorm().bind({"params": {"scale": np.ones(4), "bias": np.ones(4)}}), [(4,)]),
    "static": (lambda x, n, mode: jnp.pad(x, n, mode=mode), [("n",), own.static(2), "constant"]),
    "none": (lambda x, y: x * 2 if y is None else x + y, [("n",), None]),
}
"""By name: a function, the inputs of one example, and perhaps arguments given by name."""


def subject(name: str) -> Any:
    """The subject of that name."""
    function, inputs, *keywords = FUNCTIONS[name]
    return own.function(name, function, inputs, keywords=keywords[0] if keywords else None)
