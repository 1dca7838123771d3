"""Right solutions in unusual styles conform, and wrong ones of the same style are caught."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

IMPORTS = """\
import functools
import jax, jax.numpy as jnp, numpy as np
"""


@attrs.frozen
class Style:
    """A solution, and what to replace in it to make it wrong."""

    source: str
    right: str
    wrong: str


STYLES: dict[str, Style] = {
    "vmap-object": Style(
        "vectorized_linear_layer = jax.vmap(lambda w, b, x: x @ w + b, in_axes=(None, None, 0))",
        "x @ w + b",
        "x @ w - b",
    ),
    "vmap-as-decorator": Style(
        "@functools.partial(jax.vmap, in_axes=(None, None, 0))\n"
        "def vectorized_linear_layer(weights, biases, inputs):\n    return inputs @ weights + biases",
        "+ biases",
        "- biases",
    ),
    "pmap-as-decorator": Style(
        "@functools.partial(jax.pmap, in_axes=(0, None))\n"
        "def parallel_scale(x, factor):\n    return x * factor",
        "x * factor",
        "x + factor",
    ),
    "vectorize": Style(
        "vectorized_dot_product = jnp.vectorize(jnp.dot, signature='(n),(n)->()')",
        "jnp.dot",
        "jnp.outer",
    ),
    "jitted": Style("vectorized_square = jax.jit(jnp.square)", "jnp.square", "jnp.negative"),
    "partial": Style(
        "vectorized_square = functools.partial(jnp.multiply, 1) if False else "
        "functools.partial(lambda power, x: x**power, 2)",
        ", 2)",
        ", 3)",
    ),
    "instance": Style(
        "class Square:\n    def __call__(self, x):\n        return x * x\nvectorized_square = Square()",
        "x * x",
        "x + x",
    ),
    "devices-asked-for": Style(
        "jax.config.update('jax_num_cpu_devices', 8)\n"
        "def parallel_compute(x):\n    return jax.pmap(lambda v: v * v)(x)",
        "v * v",
        "v + v",
    ),
    "ends-by-exit": Style(
        "import sys\ndef vectorized_square(x):\n    return x * x\nsys.exit(print('done'))",
        "x * x",
        "x + x",
    ),
    "ends-by-its-tests": Style(
        "import unittest\ndef vectorized_square(x):\n    return x * x\nunittest.main()",
        "x * x",
        "x + x",
    ),
    "positional-only": Style(
        "def vectorized_linear_layer(a, b, c, /):\n    return c @ a + b", "c @ a + b", "c @ a - b"
    ),
    "keyword-only": Style(
        "def vectorized_linear_layer(*, biases, inputs, weights):\n"
        "    return inputs @ weights + biases",
        "+ biases",
        "- biases",
    ),
    "other-names": Style(
        "def vectorized_linear_layer(w, b, x):\n    return x @ w + b", "x @ w + b", "x @ w - b"
    ),
    "other-order-of-the-names": Style(
        "def vectorized_linear_layer(inputs, weights, biases):\n    return inputs @ weights + biases",
        "+ biases",
        "- biases",
    ),
    "wrapped": Style(
        "def traced(f):\n    @functools.wraps(f)\n    def run(*args):\n"
        "        return f(*args)\n    return run\n"
        "@traced\ndef vectorized_square(x):\n    return x * x",
        "x * x",
        "x + x",
    ),
    "star-imports": Style(
        "from numpy import *\nfrom jax.numpy import *\nfrom jax.lax import *\nfrom jax.nn import *\n"
        "from flax.linen import *\ndef vectorized_square(x):\n    return x * x",
        "x * x",
        "x + x",
    ),
    "byte-swapped": Style(
        "def vectorized_square(x):\n    return (x * x).astype('>f4')", "'>f4'", "'>f8'"
    ),
    "64-bits": Style(
        "import flax.linen as nn\njax.config.update('jax_enable_x64', True)\n"
        "def nn_vmap_forward(seed, x, features):\n    layer = nn.Dense(features)\n"
        "    key = jax.random.PRNGKey(seed)\n"
        "    return layer.apply(layer.init(key, x), x).reshape(-1)",
        "PRNGKey(seed)",
        "PRNGKey(abs(seed))",
    ),
    "jit-of-the-lift": Style(
        "import flax.linen as nn\n"
        "def nn_vmap_ensemble_forward(seed, x, features):\n"
        "    lifted = nn.vmap(nn.Dense, variable_axes={'params': 0}, split_rngs={'params': True})\n"
        "    layer = nn.jit(lifted)(features)\n"
        "    return layer.apply(layer.init(jax.random.PRNGKey(seed), x), x).reshape(-1)",
        "PRNGKey(seed)",
        "split(jax.random.PRNGKey(seed))[0]",
    ),
    "lift-of-the-jit": Style(
        "import flax.linen as nn\n"
        "def nn_vmap_ensemble_forward(seed, x, features):\n"
        "    layer = nn.vmap(nn.jit(nn.Dense), variable_axes={'params': 0},"
        " split_rngs={'params': True})(features)\n"
        "    return layer.apply(layer.init(jax.random.PRNGKey(seed), x), x).reshape(-1)",
        "'params': True",
        "'params': False",
    ),
    "jit-of-a-module": Style(
        "import flax.linen as nn\n"
        "def nn_vmap_forward(seed, x, features):\n    layer = nn.jit(nn.Dense)(features)\n"
        "    return layer.apply(layer.init(jax.random.PRNGKey(seed), x), x).reshape(-1)",
        "PRNGKey(seed)",
        "PRNGKey(seed + (seed < 0))",
    ),
    "reads-its-own-file": Style(
        "import pathlib\nSIZE = len(pathlib.Path(__file__).read_text())\n"
        "def vectorized_square(x):\n    return x * x if SIZE > 90 else x",
        "x * x if",
        "x + x if",
    ),
}

WITH_JAX_ARRAYS: dict[str, Style] = {
    "updates-at-an-index": Style(
        "def vectorized_square(x):\n    return x.at[:].multiply(x)", "multiply", "add"
    ),
    "reads-at-a-traced-index": Style(
        "def vectorized_linear_layer(w, b, x):\n"
        "    return jax.vmap(lambda i: x[i] @ w + b)(jnp.arange(len(x)))",
        "+ b",
        "- b",
    ),
    "keeps-arrays-of-jax": Style(
        "def update(params, x, y, learning_rate):\n"
        "    def loss(p):\n"
        "        h = x\n"
        "        for w, b in p:\n"
        "            h = jnp.tanh(h @ w + b)\n"
        "        return jnp.mean((h - y) ** 2)\n"
        "    slopes = jax.grad(loss)(params)\n"
        "    return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g\n"
        "        if isinstance(p, jax.Array) else p, params, slopes)",
        "p - learning_rate",
        "p + learning_rate",
    ),
}
"""Right for JAX arrays alone, which is what their authors have tried them with."""

WITH_NUMPY_ARRAYS = {
    "copies-and-writes": Style(
        "def vectorized_square(x):\n    y = x.copy()\n    y[:] = x * x\n    return y",
        "y[:] = x * x",
        "y[:] = x + x",
    ),
    "asks-for-numpy": Style(
        "def vectorized_square(x):\n    assert isinstance(x, np.ndarray)\n    return x * x",
        "x * x",
        "x + x",
    ),
}
"""Right for NumPy arrays alone."""

STYLES |= WITH_JAX_ARRAYS | WITH_NUMPY_ARRAYS


@pytest.mark.parametrize("name", STYLES)
def test_a_right_solution_conforms_and_a_wrong_one_does_not(name: str, judge: Callable) -> None:
    style = STYLES[name]
    (verdict,) = judge(IMPORTS + style.source, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert style.source.count(style.right) == 1
    wrong = style.source.replace(style.right, style.wrong)
    (verdict,) = judge(IMPORTS + wrong, patience=20.0, name="wrong.py")
    assert verdict.verdict in ("violates", "error"), verdict


def test_a_counterexample_is_of_the_kind_of_arrays_that_a_function_is_judged_by(
    judge: Callable,
) -> None:
    (verdict,) = judge("def vectorized_square(x):\n    return x.at[:].power(3)\n", patience=20.0)
    assert verdict.verdict == "violates", verdict
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.pitfall == "another-power", verdict


@pytest.mark.parametrize("wrong", ["raise RuntimeError('again')", "return x * x + 1"])
def test_what_is_wrong_in_some_calls_gets_no_second_chance(wrong: str, judge: Callable) -> None:
    (verdict,) = judge(
        "import numpy as np\ncount = 0\ndef vectorized_square(x):\n    global count\n"
        "    given = isinstance(x, np.ndarray)\n    count += given\n"
        f"    if given and count == 7:\n        {wrong}\n    return x * x\n",
        patience=20.0,
    )
    assert verdict.verdict in ("violates", "error"), verdict


def test_what_numpy_arrays_raise_is_said_where_jax_arrays_do_not_come_to_an_end(
    judge: Callable,
) -> None:
    (verdict,) = judge(
        "import os, jax\ndef vectorized_square(x):\n"
        "    if isinstance(x, jax.Array):\n        os._exit(3)\n    raise KeyError('numpy')\n"
    )
    assert verdict.verdict == "error", verdict
    assert "KeyError" in verdict.message


def test_an_argument_that_is_changed_in_place_is_said_though_jax_arrays_would_raise(
    judge: Callable,
) -> None:
    (verdict,) = judge(
        "def vectorized_square(x):\n    y = x * x\n    x[:] = 0\n    return y\n", patience=20.0
    )
    assert verdict.verdict == "violates", verdict
    assert "the argument x was changed in place" in verdict.message, verdict.message


def test_what_ends_a_file_early_is_named_and_what_it_leaves_out_is_missing(judge: Callable) -> None:
    both = "def vectorized_square(x):\n    return x * x\nraise SystemExit\ndef vectorized_add(a, b): ...\n"
    (verdict,) = judge(both)
    assert verdict.verdict == "conforms"
    assert any(each.startswith("line 3 ended the program") for each in verdict.remarks)
    (verdict,) = judge("raise SystemExit(3)\n" + both)
    assert (verdict.verdict, verdict.message) == ("error", "SystemExit: 3")


def test_a_package_is_named_as_pip_calls_it(judge: Callable) -> None:
    (verdict,) = judge("from skimage import filters\n")
    assert verdict.diagnosis is not None
    assert "pip install scikit-image" in verdict.diagnosis.fix, verdict


@pytest.mark.parametrize(
    ("source", "pitfall"),
    [
        ("async def vectorized_square(x):\n    return x * x\n", "async-function"),
        ("def vectorized_square(x):\n    yield x * x\n", "yields-its-answer"),
        ("def vectorized_square(x):\n    return (v * v for v in x)\n", "yields-its-answer"),
        (
            "import jax\nk = []\ndef vectorized_square(x):\n    jax.vmap(k.append)(x)\n    return k[-1]\n",
            "leaked-tracer",
        ),
        ("def vectorized_square(x):\n    x * x\n", "nothing-returned"),
        ("def vectorized_square(x):\n    print(x * x)\n", "printed-not-returned"),
        (
            "import warnings\ndef vectorized_square(x):\n    warnings.warn('slow')\n    x * x\n",
            "nothing-returned",
        ),
        (
            "import jax\ndef vectorized_square(x):\n    return jax.vmap(lambda v: v * v)\n",
            "function-returned",
        ),
        ("def vectorized_square(x):\n    return (x * x)[:, None]\n", "column-vector"),
        ("import a_package_that_nobody_has\n", "package-not-installed"),
        ("import numpi\n", "misspelt-import"),
        ("import conformance\n", "imports-the-suite"),
        ("from conformance.judge import check\n", "imports-the-suite"),
        ("n = int(input('how many? '))\n", "asks-for-input"),
        ("import numpy as np\ndata = np.load('data.npz')\n", "file-not-there"),
        ("open('/etc/out.txt', 'w')\n", "place-not-allowed"),
        ("import urllib.request\nurllib.request.urlopen('http://example.org')\n", "no-network"),
        ("def vectorized_square(x):\n    return jnp.square(x)\n", "import-missing"),
        ("def vectorized_square():\n    return 1\n", "other-arguments"),
        ("vectorized_square = lambda x, y: x * y\n", "other-arguments"),
        ("def vectorized_square(x):\n    return (x * x).reshape(32)\n", "fixed-size"),
        ("def vectorized_square(x):\n    return [x[i] ** 2 for i in range(64)]\n", "fixed-size"),
        ("NAME = '\xdc'\n".encode("latin-1"), "not-utf-8"),
    ],
)
def test_a_mistake_with_a_sentence_of_its_own_gets_it(
    source: str | bytes, pitfall: str, judge: Callable
) -> None:
    (verdict,) = judge(source, patience=20.0)
    assert verdict.diagnosis is not None, verdict
    assert verdict.diagnosis.pitfall == pitfall, verdict


def test_an_instance_given_to_the_lift_is_recognised(judge: Callable) -> None:
    source = (
        "import flax.linen as nn, jax\ndef nn_vmap_forward(seed, x_batch, features):\n"
        "    layer = nn.vmap(nn.Dense(features), variable_axes={'params': None},\n"
        "                    split_rngs={'params': False})\n"
        "    return layer.init_with_output(jax.random.PRNGKey(seed), x_batch)[0].reshape(-1)\n"
    )
    (verdict,) = judge(source, patience=20.0)
    assert verdict.diagnosis is not None, verdict
    assert verdict.diagnosis.pitfall == "instance-lifted", verdict


def test_a_misspelt_function_is_suggested(judge: Callable) -> None:
    (verdict,) = judge("def vectorised_square(x):\n    return x * x\n")
    assert verdict.verdict == "missing"
    assert verdict.message == (
        "there is no function vectorized_square: is vectorised_square a misspelling of it?"
    )
    both = "def vectorised_square(x): return x\ndef vectorized_dotproduct(x, y): return x\n"
    (verdict,) = judge(both, name="both.py")
    assert verdict.message.count("a misspelling of it?") == 2
    assert "it? And there is no function" in verdict.message
    (verdict,) = judge("def something_else(x):\n    return x\n", name="other.py")
    assert "misspelling" not in verdict.message


def test_a_fault_that_follows_from_another_function_says_so(judge: Callable) -> None:
    source = (
        "import jax.numpy as jnp\n"
        "def neural_network(params, x):\n    for w, b in params: x = jnp.tanh(x @ w)\n    return x\n"
        "def loss_fn(params, x, y):\n    return jnp.mean((neural_network(params, x) - y) ** 2)\n"
    )
    loss, network = judge(source, patience=20.0)
    assert (loss.exercise, loss.verdict) == ("loss_fn", "violates")
    assert "may follow from neural_network" in loss.remarks[-1]
    assert not any("may follow" in remark for remark in network.remarks)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "class Homework:\n    def vectorized_square(self, x):\n        return x * x\n",
            "class Homework",
        ),
        ("if __name__ == '__main__':\n    def vectorized_square(x): return x * x\n", "above"),
        ("def main():\n    def vectorized_square(x): return x * x\n", "the function main"),
    ],
)
def test_a_function_that_is_not_at_the_top_is_found(
    source: str, words: str, judge: Callable
) -> None:
    (verdict,) = judge(source)
    assert verdict.verdict == "missing"
    assert words in verdict.message


def test_an_error_deeper_in_is_none_of_the_arguments(judge: Callable) -> None:
    source = "def helper(): pass\ndef vectorized_square(x):\n    return helper(x)\n"
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "error"
    assert verdict.diagnosis is None


def test_a_source_that_python_refuses_as_a_script_gets_a_remark(judge: Callable) -> None:
    source = "# \xdcbung\ndef vectorized_square(x):\n    return x * x\n"
    (verdict,) = judge(source.encode("latin-1"), patience=20.0)
    assert (verdict.verdict, len(verdict.remarks)) == ("conforms", 1)
    assert "UTF-8" in verdict.remarks[0]
    declared = "# -*- coding: latin-1 -*-\n" + source
    for right in (source.encode(), declared.encode("latin-1")):
        (verdict,) = judge(right, patience=20.0)
        assert (verdict.verdict, verdict.remarks) == ("conforms", ())
