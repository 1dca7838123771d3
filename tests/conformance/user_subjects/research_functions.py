"""Functions of whole methods, as researchers write them, each of one example: none may be misjudged."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
import research_solvers as solvers
from jax import lax

from conformance import own


def _causal_attention(q: Any, k: Any, v: Any, length: Any) -> Any:
    place = jnp.arange(q.shape[0])
    mask = (place[:, None] >= place[None, :]) & (place < length)[None, :]
    logits = jnp.where(mask, q @ k.T / jnp.sqrt(q.shape[-1]), jnp.finfo(q.dtype).min)
    return jax.nn.softmax(logits) @ v


def _rotary(x: Any) -> Any:
    half = x.shape[-1] // 2
    angle = jnp.arange(x.shape[0])[:, None] / 100.0 ** (jnp.arange(half) / half)
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate(
        [a * jnp.cos(angle) - b * jnp.sin(angle), b * jnp.cos(angle) + a * jnp.sin(angle)], -1
    )


def _vae_loss(key: Any, x: Any, w: Any) -> Any:
    mean, log_var = jnp.split(w @ x, 2)
    z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
    decoded = w[:2].T @ z
    kl = -0.5 * jnp.sum(1 + log_var - mean**2 - jnp.exp(log_var))
    return jnp.mean((decoded - x) ** 2) + kl


def _message_passing(nodes: Any, senders: Any, receivers: Any) -> Any:
    messages = jnp.tanh(nodes[senders] - nodes[receivers])
    total = jax.ops.segment_sum(messages, receivers, nodes.shape[0])
    count = jax.ops.segment_sum(jnp.ones(len(receivers)), receivers, nodes.shape[0])
    return nodes + total / jnp.maximum(count, 1.0)[:, None]


def _edge_softmax(scores: Any, receivers: Any) -> Any:
    most = jax.ops.segment_max(scores, receivers, 4)
    weights = jnp.exp(scores - most[receivers])
    return weights / jax.ops.segment_sum(weights, receivers, 4)[receivers]


def _rk4(state: Any) -> Any:
    def slope(s: Any) -> Any:
        x, y, z = s
        return jnp.stack([10 * (y - x), x * (2.8 - z) - y, x * y - 2.6 * z])

    def step(s: Any, _: Any) -> Any:
        k1 = slope(s)
        k2 = slope(s + 0.005 * k1)
        k3 = slope(s + 0.005 * k2)
        k4 = slope(s + 0.01 * k3)
        s = s + 0.01 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return s, s

    return lax.scan(step, state, None, length=8)[1]


def _adaptive(y0: Any) -> Any:
    """A step size that is halved until two half steps agree with a whole one."""

    def attempt(state: Any) -> Any:
        t, y, h, n = state
        whole = y - h * y**3
        half = y - h / 2 * y**3
        half = half - h / 2 * half**3
        good = jnp.abs(whole - half) < 1e-2
        return (
            jnp.where(good, t + h, t),
            jnp.where(good, half, y),
            jnp.where(good, h * 1.2, h / 2),
            n + 1,
        )

    return lax.while_loop(
        lambda s: (s[0] < 1.0) & (s[3] < 50), attempt, (0.0, y0, jnp.float32(0.5), 0)
    )[1]


def _kalman_filter(observations: Any) -> Any:
    a = jnp.array([[1.0, 0.1], [0.0, 1.0]])
    h = jnp.array([[1.0, 0.0]])

    def step(carry: Any, z: Any) -> Any:
        mean, cov = carry
        mean, cov = a @ mean, a @ cov @ a.T + 0.01 * jnp.eye(2)
        s = h @ cov @ h.T + 0.1
        gain = jnp.linalg.solve(s, h @ cov).T
        mean = mean + gain @ (z - h @ mean)
        cov = (jnp.eye(2) - gain @ h) @ cov
        return (mean, cov), mean

    return lax.scan(step, (jnp.zeros(2), jnp.eye(2)), observations)


def _march(origin: Any, direction: Any) -> Any:
    direction = direction / jnp.linalg.norm(direction)

    def distance(p: Any) -> Any:
        return jnp.minimum(jnp.linalg.norm(p) - 1.0, p[1] + 1.5)

    def step(_: Any, t: Any) -> Any:
        return t + jnp.clip(distance(origin + t * direction), 0.0, 1.0)

    t = lax.fori_loop(0, 12, step, jnp.float32(0))
    p = origin + t * direction
    normal = jax.grad(distance)(p)
    return jnp.where(t < 8, jnp.maximum(0.0, normal @ jnp.array([0.0, 1.0, 0.0])), 0.0), t


def _composite(density: Any, colour: Any) -> Any:
    alpha = 1 - jnp.exp(-jax.nn.softplus(density) * 0.1)
    through = jnp.cumprod(jnp.concatenate([jnp.ones(1), 1 - alpha[:-1]]))
    return (alpha * through) @ colour


def _resample(key: Any, particles: Any, weights: Any) -> Any:
    """Systematic resampling."""
    n = weights.shape[0]
    cumulative = jnp.cumsum(weights)
    places = (jnp.arange(n) + jax.random.uniform(key)) / n
    return particles[jnp.clip(jnp.searchsorted(cumulative, places), 0, n - 1)]


def _beam_search(logits: Any) -> Any:
    """Two beams through a table of transitions."""
    table = jax.nn.log_softmax(logits, axis=-1)
    tokens = table.shape[-1]

    def step(carry: Any, _: Any) -> Any:
        scores, last = carry
        candidates = (scores[:, None] + table[last]).reshape(-1)
        scores, chosen = lax.top_k(candidates, 2)
        last = chosen % tokens
        return (scores, last), (chosen // tokens, last)

    first = (jnp.array([0.0, -1e9]), jnp.array([0, 0]))
    (scores, _), (parents, chosen) = lax.scan(step, first, None, length=3)
    return scores, parents, chosen


def _viterbi(logits: Any, transitions: Any) -> Any:
    def step(best: Any, row: Any) -> Any:
        scores = best[:, None] + transitions
        return scores.max(0) + row, scores.argmax(0)

    best, back = lax.scan(step, logits[0], logits[1:])
    last = jnp.argmax(best)
    _, path = lax.scan(lambda tag, row: (row[tag], row[tag]), last, back, reverse=True)
    return jnp.max(best), path, last


def _train(optimizer: Any) -> Any:
    def step(params: Any, x: Any, y: Any) -> Any:
        def loss(p: Any) -> Any:
            hidden = jnp.tanh(x @ p["w"] + p["b"])
            return jnp.mean((hidden @ p["v"] - y) ** 2)

        def once(carry: Any, _: Any) -> Any:
            p, state = carry
            value, gradient = jax.value_and_grad(loss)(p)
            updates, state = optimizer.update(gradient, state, p)
            return (optax.apply_updates(p, updates), state), value

        (params, _), losses = lax.scan(once, (params, optimizer.init(params)), None, length=3)
        return params, losses

    return step


_NET = {"w": ("d", 3), "b": (3,), "v": (3,)}
_DATA = [_NET, (5, "d"), (5,)]


def _hand_adam(p: Any, m: Any, v: Any, g: Any, t: Any) -> Any:
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    step = t.astype(jnp.float32) + 1
    return p - 1e-3 * (m / (1 - 0.9**step)) / (jnp.sqrt(v / (1 - 0.999**step)) + 1e-8)


def _gaussian_process(x: Any, y: Any, at: Any) -> Any:
    def kernel(a: Any, b: Any) -> Any:
        return jnp.exp(-0.5 * (a[:, None] - b[None, :]) ** 2)

    chol = jnp.linalg.cholesky(kernel(x, x) + 0.1 * jnp.eye(x.shape[0]))
    alpha = jax.scipy.linalg.cho_solve((chol, True), y)
    v = jax.scipy.linalg.solve_triangular(chol, kernel(x, at), lower=True)
    evidence = -0.5 * y @ alpha - jnp.sum(jnp.log(jnp.diag(chol)))
    return kernel(at, x) @ alpha, 1.1 - jnp.sum(v**2, 0), evidence


def _fft_convolution(x: Any, w: Any) -> Any:
    n = x.shape[-1] + w.shape[-1] - 1
    return jnp.fft.irfft(jnp.fft.rfft(x, n) * jnp.fft.rfft(w, n), n)


def _sinkhorn(x: Any, y: Any, a: Any) -> Any:
    cost = (x[:, None] - y[None, :]) ** 2
    k = jnp.exp(-cost)
    b = jnp.full(y.shape, 1.0 / y.shape[0])

    def go_on(state: Any) -> Any:
        u, v, n = state
        return (n < 60) & (jnp.sum(jnp.abs(u * (k @ v) - a)) > 1e-3)

    def body(state: Any) -> Any:
        u, v, n = state
        u = a / (k @ v)
        return u, b / (k.T @ u), n + 1

    u, v, _ = lax.while_loop(go_on, body, (jnp.ones_like(a), jnp.ones_like(b), 0))
    return u[:, None] * k * v[None, :]


def _conjugate_gradient(m: Any, b: Any) -> Any:
    spd = m @ m.T + 4 * jnp.eye(m.shape[0])
    return jax.scipy.sparse.linalg.cg(spd, b, maxiter=8)[0]


def _power_iteration(w: Any, u: Any) -> Any:
    def step(_: Any, u: Any) -> Any:
        v = w.T @ u
        v = v / jnp.maximum(jnp.linalg.norm(v), 1e-6)
        u = w @ v
        return u / jnp.maximum(jnp.linalg.norm(u), 1e-6)

    u = lax.fori_loop(0, 3, step, u)
    return w / jnp.linalg.norm(w.T @ u)


def _quantise(x: Any) -> Any:
    scale = jnp.max(jnp.abs(x)) / 127
    q = jnp.clip(jnp.round(x / scale), -128, 127).astype(jnp.int8)
    return q.astype(jnp.float32) * scale, q


def _straight_through(x: Any) -> Any:
    return x + lax.stop_gradient(jnp.sign(x) - x)


def _policy(key: Any, x: Any, w: Any) -> Any:
    logits = x @ w
    greedy = jnp.argmax(logits)
    noise = jax.random.gumbel(key, logits.shape)
    sampled = jnp.argmax(logits + noise)
    return greedy, sampled, jax.nn.log_softmax(logits)[sampled]


def _gae(rewards: Any, values: Any, dones: Any) -> Any:
    def step(carry: Any, inputs: Any) -> Any:
        advantage, following = carry
        reward, value, done = inputs
        live = 1.0 - done.astype(jnp.float32)
        delta = reward + 0.99 * following * live - value
        advantage = delta + 0.99 * 0.95 * live * advantage
        return (advantage, value), advantage

    zero = jnp.zeros((), rewards.dtype)
    return lax.scan(step, (zero, zero), (rewards, values, dones), reverse=True)[1]


def _contrastive(a: Any, b: Any) -> Any:
    a = a / jnp.linalg.norm(a, axis=-1, keepdims=True)
    b = b / jnp.linalg.norm(b, axis=-1, keepdims=True)
    logits = a @ b.T / 0.1
    return -jnp.mean(jnp.diag(jax.nn.log_softmax(logits)))


def _focal(logits: Any, label: Any) -> Any:
    log_p = jax.nn.log_softmax(logits)[label]
    return -((1 - jnp.exp(log_p)) ** 2) * log_p


def _hash(x: Any) -> Any:
    x = x.astype(jnp.uint32)
    x = (x ^ (x >> 16)) * jnp.uint32(0x45D9F3B)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16), (x % 1000).astype(jnp.int32)


def _guarded(x: Any, y: Any) -> Any:
    safe = jnp.where(jnp.abs(y) < 0.1, 1.0, y)
    ratio = jnp.where(jnp.abs(y) < 0.1, 0.0, x / safe)
    return ratio, jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), 0.0)


def _mixed(x: Any, w: Any) -> Any:
    x = x.astype(jnp.bfloat16)
    y = jax.nn.gelu(x @ w.astype(jnp.bfloat16))
    y = y.astype(jnp.float32)
    return (y - y.mean()) / jnp.sqrt(y.var() + 1e-5)


def _half(x: Any, w: Any) -> Any:
    x, w = x.astype(jnp.float16), w.astype(jnp.float16)
    return jax.nn.softmax(jnp.tanh(x @ w))


FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "causal-attention": (_causal_attention, [(5, 4), (5, 4), (5, 4), own.integers(low=1, high=6)]),
    "rotary": (_rotary, [("n", 6)]),
    "vae": (_vae_loss, [own.key(), (3,), (4, 3)]),
    "gnn": (_message_passing, [(4, 3), own.indices(7, below=4), own.indices(7, below=4)]),
    "edge-softmax": (_edge_softmax, [(7,), own.indices(7, below=4)]),
    "rk4": (_rk4, [(3,)]),
    "adaptive-ode": (_adaptive, [own.positive()]),
    "kalman-filter": (_kalman_filter, [(6, 1)]),
    "ray-marcher": (_march, [(3,), (3,)]),
    "volume-rendering": (_composite, [(6,), (6, 3)]),
    "resampling": (_resample, [own.key(), (6, 2), own.probabilities(6)]),
    "beam-search": (_beam_search, [(5, 5)]),
    "viterbi": (_viterbi, [(5, 3), (3, 3)]),
    "train-adam": (_train(optax.adam(1e-2)), _DATA),
    "train-sgd": (_train(optax.sgd(1e-1, momentum=0.9)), _DATA),
    "train-rmsprop": (_train(optax.rmsprop(1e-2)), _DATA),
    "train-lion": (_train(optax.lion(1e-2)), _DATA),
    "train-adamw-clipped": (
        _train(optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(1e-2))),
        _DATA,
    ),
    "adam-by-hand": (
        _hand_adam,
        [("n",), ("n",), own.positive("n"), ("n",), own.integers(low=0, high=9)],
    ),
    "gaussian-process": (_gaussian_process, [(5,), (5,), (3,)]),
    "fft-convolution": (_fft_convolution, [(8,), (3,)]),
    "sinkhorn": (_sinkhorn, [(4,), (5,), own.probabilities(4)]),
    "conjugate-gradient": (_conjugate_gradient, [(4, 4), (4,)]),
    "power-iteration": (_power_iteration, [(4, 3), (4,)]),
    "quantise": (_quantise, [("n",)]),
    "straight-through": (_straight_through, [("n",)]),
    "policy": (_policy, [own.key(), (4,), (4, 3)]),
    "gae": (_gae, [(6,), (6,), own.booleans(6)]),
    "contrastive": (_contrastive, [(4, 3), (4, 3)]),
    "focal-loss": (_focal, [(5,), own.indices(below=5)]),
    "hash": (_hash, [own.integers("n", low=-(2**30), high=2**30)]),
    "guarded-division": (_guarded, [("n",), ("n",)]),
    "mixed-precision": (_mixed, [(4,), (4, 6)]),
    "half-precision": (_half, [(4,), (4, 5)]),
    "schroedinger": (solvers.wave, [(8,), (8,)]),
    "heat": (solvers.heat, [(5, 4)]),
    "lennard-jones": (solvers.lennard_jones, [(4, 3)]),
    "hmc": (solvers.hmc, [own.key(), (3,)]),
    "newton-solver": (solvers.newton_solver, [(3,)]),
    "kmeans": (solvers.kmeans, [(8, 2), (3, 2)]),
    "pca": (solvers.pca, [(6, 3)]),
    "procrustes": (solvers.procrustes, [(5, 3), (5, 3)]),
    "nms": (solvers.nms, [(6, 2), (6,)]),
    "gumbel-softmax": (solvers.gumbel_softmax, [own.key(), (5,)]),
    "mixture": (solvers.mixture, [(), (3,), (3,), (3,)]),
    "lbfgs": (solvers.lbfgs_direction, [("n",), (3, "n"), (3, "n")]),
    "ctc": (solvers.ctc, [(6, 4), own.integers(3, low=1, high=4)]),
    "state-space": (solvers.mamba, [(7, 3), (3,), (3,)]),
    "maml": (solvers.maml, [(3,), (5, 3), (5,)]),
    "implicit": (solvers.implicit, [("n",)]),
}
"""By name: a function, and the inputs of one example."""


def subject(name: str) -> Any:
    """The subject of that name."""
    function, inputs = FUNCTIONS[name]
    return own.function(name, function, inputs)
