"""Solvers, simulations and estimators as researchers write them, each of one example."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax


def wave(psi: Any, v: Any) -> Any:
    """A split step of the Schroedinger equation."""
    half = jnp.exp(-0.05j * v)
    k = jnp.fft.fftfreq(psi.shape[0]) * 2 * jnp.pi
    psi = half * (psi + 0j)
    psi = jnp.fft.ifft(jnp.exp(-0.05j * k**2) * jnp.fft.fft(psi))
    return half * psi, jnp.sum(jnp.abs(psi) ** 2)


def heat(u: Any) -> Any:
    def step(_: Any, u: Any) -> Any:
        around = jnp.roll(u, 1, 0) + jnp.roll(u, -1, 0) + jnp.roll(u, 1, 1) + jnp.roll(u, -1, 1)
        return u + 0.1 * (around - 4 * u)

    return lax.fori_loop(0, 5, step, u)


def lennard_jones(x: Any) -> Any:
    def energy(x: Any) -> Any:
        d = x[:, None] - x[None, :]
        r2 = jnp.sum(d**2, -1) + jnp.eye(x.shape[0])
        inverse = 1 / (r2 + 0.5) ** 3
        return 2 * jnp.sum((inverse**2 - inverse) * (1 - jnp.eye(x.shape[0])))

    return energy(x), -jax.grad(energy)(x)


def hmc(key: Any, q: Any) -> Any:
    def potential(q: Any) -> Any:
        return 0.5 * jnp.sum(q**2) + 0.1 * jnp.sum(q**4)

    k1, k2 = jax.random.split(key)
    p = jax.random.normal(k1, q.shape)

    def leap(state: Any, _: Any) -> Any:
        q, p = state
        p = p - 0.05 * jax.grad(potential)(q)
        q = q + 0.1 * p
        return (q, p - 0.05 * jax.grad(potential)(q)), None

    (new, p_new), _ = lax.scan(leap, (q, p), None, length=4)
    before = potential(q) + 0.5 * p @ p
    after = potential(new) + 0.5 * p_new @ p_new
    accept = jax.random.uniform(k2) < jnp.exp(before - after)
    return jnp.where(accept, new, q)


def newton_solver(b: Any) -> Any:
    def residual(x: Any) -> Any:
        return x + 0.3 * jnp.sin(x[::-1]) - b

    def step(x: Any, _: Any) -> Any:
        return x - jnp.linalg.solve(jax.jacfwd(residual)(x), residual(x)), None

    return lax.scan(step, b, None, length=4)[0]


def kmeans(points: Any, centres: Any) -> Any:
    def step(c: Any, _: Any) -> Any:
        nearest = jnp.argmin(jnp.sum((points[:, None] - c[None]) ** 2, -1), -1)
        chosen = jax.nn.one_hot(nearest, c.shape[0])
        count = chosen.sum(0)[:, None]
        return jnp.where(count > 0, (chosen.T @ points) / jnp.maximum(count, 1), c), nearest

    return lax.scan(step, centres, None, length=3)


def pca(x: Any) -> Any:
    x = x - x.mean(0)
    u, s, vt = jnp.linalg.svd(x, full_matrices=False)
    return s**2 / (x.shape[0] - 1), jnp.abs(vt[:2]), jnp.sum(u * u)


def procrustes(a: Any, b: Any) -> Any:
    u, _, vt = jnp.linalg.svd(a.T @ b)
    return u @ vt


def nms(boxes: Any, scores: Any) -> Any:
    """Greedy suppression of overlapping intervals."""
    order = jnp.argsort(-scores)
    low, high = jnp.sort(boxes[order], -1).T
    inside = jnp.minimum(high[:, None], high) - jnp.maximum(low[:, None], low)
    overlap = jnp.maximum(inside, 0) > 0.5 * (high - low)

    def step(kept: Any, i: Any) -> Any:
        before = (jnp.arange(kept.shape[0]) < i) & kept
        return kept.at[i].set(~jnp.any(before & overlap[i])), None

    kept, _ = lax.scan(step, jnp.ones(scores.shape[0], bool), jnp.arange(scores.shape[0]))
    return order, kept


def gumbel_softmax(key: Any, logits: Any) -> Any:
    soft = jax.nn.softmax((logits + jax.random.gumbel(key, logits.shape)) / 0.5)
    hard = jax.nn.one_hot(jnp.argmax(soft), logits.shape[0])
    return hard + soft - lax.stop_gradient(soft)


def mixture(x: Any, logits: Any, mean: Any, log_scale: Any) -> Any:
    log_p = jax.scipy.stats.norm.logpdf(x, mean, jnp.exp(log_scale))
    return jax.nn.logsumexp(jax.nn.log_softmax(logits) + log_p)


def lbfgs_direction(g: Any, s: Any, y: Any) -> Any:
    def back(q: Any, pair: Any) -> Any:
        s, y = pair
        rho = 1 / (jnp.dot(s, y) + jnp.dot(y, y) + 1)
        alpha = rho * jnp.dot(s, q)
        return q - alpha * y, (alpha, rho)

    q, (alpha, rho) = lax.scan(back, g, (s, y), reverse=True)

    def forth(r: Any, inputs: Any) -> Any:
        s, y, alpha, rho = inputs
        return r + s * (alpha - rho * jnp.dot(y, r)), None

    return lax.scan(forth, q, (s, y, alpha, rho))[0]


def ctc(logits: Any, labels: Any) -> Any:
    n, k = logits.shape[0], labels.shape[0]
    return optax.ctc_loss(logits[None], jnp.zeros((1, n)), labels[None], jnp.zeros((1, k)))[0]


def mamba(x: Any, a: Any, b: Any) -> Any:
    """A diagonal state space by an associative scan."""
    decay = jnp.exp(-jax.nn.softplus(a))
    gates = jnp.broadcast_to(decay, x.shape)

    def combine(left: Any, right: Any) -> Any:
        return left[0] * right[0], right[0] * left[1] + right[1]

    return lax.associative_scan(combine, (gates, b * x))[1]


def maml(w: Any, x: Any, y: Any) -> Any:
    def loss(w: Any) -> Any:
        return jnp.mean((jnp.tanh(x @ w) - y) ** 2)

    return jax.value_and_grad(lambda w: loss(w - 0.1 * jax.grad(loss)(w)))(w)


def implicit(theta: Any) -> Any:
    """A fixed point with a derivative of its own."""

    @jax.custom_vjp
    def solve(t: Any) -> Any:
        return lax.fori_loop(0, 20, lambda _, z: jnp.cos(z * 0.5) + 0.1 * t, jnp.zeros_like(t))

    def forward(t: Any) -> Any:
        z = solve(t)
        return z, z

    solve.defvjp(forward, lambda z, g: (0.1 * g / (1 + 0.5 * jnp.sin(z * 0.5)),))
    return solve(theta), jax.grad(lambda t: jnp.sum(solve(t)))(theta)
