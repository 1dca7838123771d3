"""One mistake in a part of training is named, and two at once; what is neither is not."""

from __future__ import annotations

import pytest

from tests.conformance.judge.told_here import diagnosis_of

TANH, SQUARES = "jnp.tanh(x @ w + b)", "jnp.mean((net(params, x) - y) ** 2)"
STEP = "[(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, g)]"
UPHILL = STEP.replace("- learning", "+ learning")
WEIGHTS = "[(w - learning_rate * dw, b) for (w, b), (dw, db) in zip(params, g)]"
SUM = "jnp.sum((net(params, x) - y) ** 2)"
HALF = "0.5 * jnp.mean((net(params, x) - y) ** 2)"
OF_EXAMPLES = "jnp.sum((net(params, x) - y) ** 2) / x.shape[0]"
FIRST_AVERAGED = "jnp.mean((net(params, x).mean(0) - y.mean(0)) ** 2)"
RELU, NO_BIASES, OUTSIDE = "jax.nn.relu(x @ w + b)", "jnp.tanh(x @ w)", "jnp.tanh(x @ w) + b"

PARTS = """
    def net(params, x):
        for w, b in params:
            x = {network}
        return x

    def loss(params, x, y):
        return {loss}
"""
LOSS = PARTS + "\n    return loss(params, x, y)"
UPDATE = PARTS + "\n    g = jax.grad(loss)(params, x, y)\n    return {step}"
PARALLEL = (
    PARTS
    + """
    def on_each(params, x, y, learning_rate):
        g = {average}(jax.grad(loss)(params, x, y), "i")
        return {step}

    return jax.vmap(on_each, in_axes=(None, 0, 0, None), axis_name="i")(params, x, y, learning_rate)
"""
)
"""By `vmap`, which gives what `pmap` does and needs no devices."""
NOTHING = "(lambda g, name: g)"


def _loss(network: str = TANH, loss: str = SQUARES) -> str | None:
    return diagnosis_of("loss_fn(params, x, y)", LOSS.format(network=network, loss=loss))


def _update(network: str = TANH, loss: str = SQUARES, step: str = STEP) -> str | None:
    body = UPDATE.format(network=network, loss=loss, step=step)
    return diagnosis_of("update(params, x, y, learning_rate)", body)


def _parallel(
    network: str = TANH, loss: str = SQUARES, average: str = "jax.lax.pmean", step: str = STEP
) -> str | None:
    body = PARALLEL.format(network=network, loss=loss, average=average, step=step)
    return diagnosis_of("parallel_update(params, x, y, learning_rate)", body)


@pytest.mark.parametrize(
    ("network", "loss", "pitfall"),
    [
        (RELU, SQUARES, "another-activation"),
        (NO_BIASES, SQUARES, "bias-missing"),
        (TANH, FIRST_AVERAGED, "averaged-before-squaring"),
        (RELU, SUM, "another-activation-and-summed-not-averaged"),
        (OUTSIDE, HALF, "bias-outside-activation-and-halved"),
    ],
)
def test_mistakes_in_a_loss_are_named(network: str, loss: str, pitfall: str) -> None:
    assert _loss(network, loss) == pitfall


@pytest.mark.parametrize(
    ("network", "loss", "step", "pitfall"),
    [
        (RELU, SQUARES, STEP, "another-activation"),
        (TANH, SUM, STEP, "summed-not-averaged"),
        (TANH, OF_EXAMPLES, STEP, "summed-not-averaged"),
        (TANH, FIRST_AVERAGED, STEP, "averaged-before-squaring"),
        (TANH, SUM, UPHILL, "summed-not-averaged-and-gradient-added"),
        (OUTSIDE, SQUARES, WEIGHTS, "bias-outside-activation-and-biases-not-updated"),
        (RELU, HALF, STEP, "another-activation-and-halved"),
    ],
)
def test_mistakes_in_a_step_are_named(network: str, loss: str, step: str, pitfall: str) -> None:
    assert _update(network, loss, step) == pitfall


@pytest.mark.parametrize(
    ("network", "loss", "average", "step", "pitfall"),
    [
        (RELU, SQUARES, "jax.lax.pmean", STEP, "another-activation"),
        (TANH, SUM, "jax.lax.pmean", STEP, "summed-not-averaged"),
        (TANH, SQUARES, "jax.lax.pmean", UPHILL, "gradient-added"),
        (TANH, SQUARES, "jax.lax.psum", STEP, "gradient-summed"),
        (TANH, SQUARES, NOTHING, STEP, "gradient-not-averaged"),
        (TANH, HALF, NOTHING, STEP, "halved-and-gradient-not-averaged"),
        (TANH, SUM, "jax.lax.psum", STEP, "summed-not-averaged-and-gradient-summed"),
        (TANH, SQUARES, NOTHING, WEIGHTS, "gradient-not-averaged-and-biases-not-updated"),
    ],
)
def test_mistakes_in_a_step_over_devices_are_named(
    network: str, loss: str, average: str, step: str, pitfall: str
) -> None:
    assert _parallel(network, loss, average, step) == pitfall


SLOPED = "slope(x @ w + b, {slope})"
SLOPE = """
    import functools
    @functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
    def slope(z, of):
        return jnp.tanh(z)

    slope.defvjp(lambda z, of: (jnp.tanh(z), z), lambda of, z, g: (g * of(z),))
"""


@pytest.mark.parametrize(
    ("slope", "loss", "step", "pitfall"),
    [
        ("lambda z: 1 - z**2", SQUARES, STEP, "slope-of-the-input"),
        ("lambda z: jnp.tanh(z) * (1 - jnp.tanh(z))", SQUARES, STEP, "slope-of-sigmoid"),
        ("lambda z: 1 - jnp.tanh(z)", SQUARES, STEP, "slope-not-squared"),
        ("jnp.ones_like", SQUARES, STEP, "slope-missing"),
        ("lambda z: 1 - z**2", SUM, STEP, "slope-of-the-input-and-summed-not-averaged"),
        ("jnp.ones_like", SQUARES, UPHILL, "slope-missing-and-gradient-added"),
        ("lambda z: 1 - jnp.tanh(z)**4", SQUARES, STEP, None),
        ("lambda z: 1 - jnp.tanh(z)**2", HALF, STEP, "halved"),
    ],
)
def test_another_derivative_of_tanh_is_named(
    slope: str, loss: str, step: str, pitfall: str | None
) -> None:
    body = UPDATE.format(network=SLOPED.format(slope=slope), loss=loss, step=step)
    found = diagnosis_of("update(params, x, y, learning_rate)", SLOPE + body)
    assert found == pitfall


SCALED = STEP.replace("learning_rate", "learning_rate * loss(params, x, y)")
FIRST, LAST = (
    f"(lambda g, n: jax.tree_util.tree_map(lambda a: jax.lax.all_gather(a, n)[{place}], g))"
    for place in (0, -1)
)


@pytest.mark.parametrize(
    ("loss", "step", "pitfall"),
    [
        (SQUARES, SCALED, "step-scaled-by-loss"),
        (f"jnp.sqrt({SQUARES})", STEP, "root-taken"),
        (f"{SQUARES} ** 2", STEP, "squared-twice"),
        (f"{SQUARES} ** 3", STEP, None),
        (SQUARES, SCALED.replace("params, x, y)", "params, x, y) ** 2"), None),
    ],
)
def test_a_step_that_the_loss_scales_is_named(loss: str, step: str, pitfall: str | None) -> None:
    assert _update(loss=loss, step=step) == pitfall


@pytest.mark.parametrize(
    ("average", "step", "pitfall"),
    [
        (FIRST, STEP, "one-devices-gradient"),
        (LAST, STEP, "one-devices-gradient"),
        (FIRST, UPHILL, "one-devices-gradient-and-gradient-added"),
        ("jax.lax.pmax", STEP, "gradients-extreme"),
        ("jax.lax.pmin", STEP, "gradients-extreme"),
    ],
)
def test_a_gradient_of_one_device_is_named(average: str, step: str, pitfall: str | None) -> None:
    assert _parallel(average=average, step=step) == pitfall


def test_copies_for_all_devices_are_told_from_those_for_the_data() -> None:
    body = (
        "x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])\n"
        "    g = jax.grad(loss)(params, x, y)\n"
        f"    return jax.tree_util.tree_map(lambda a: jnp.stack([a] * {{}}), {STEP})"
    )
    signature = "parallel_update(params, x, y, learning_rate)"
    assert diagnosis_of(signature, body.format(8)) == "as-many-as-devices"
    assert diagnosis_of(signature, body.format(7)) is None


def test_three_mistakes_at_once_and_another_task_have_no_name() -> None:
    assert _update(RELU, SUM, UPHILL) is None
    assert _update(step=STEP.replace("rate * dw,", "rate * dw * dw,")) is None
    assert _parallel(step=STEP.replace("rate * db)", "rate * jnp.cos(db))")) is None
