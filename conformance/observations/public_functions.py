"""Every public function of JAX on arrays that no list names, called with one, two and three arrays."""

import functools
import inspect
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms
from conformance.observations.record import Absent, needed

MODULES = (
    *("jax.numpy", "jax.numpy.linalg", "jax.numpy.fft", "jax.lax", "jax.nn", "jax.random"),
    *("jax.scipy.special", "jax.scipy.linalg", "jax.scipy.signal", "jax.scipy.stats"),
    *("jax.scipy.fft", "jax.scipy.ndimage", "jax.scipy.integrate", "jax.scipy.cluster.vq"),
    *("jax.nn.initializers", "jax.image", "jax.ops"),
)
PREFIX = "plain-each-"
"""How the names of these calls begin."""
_NO_ARRAYS = """
    from_dlpack fromfile frombuffer fromfunction fromstring load save savez set_printoptions
    printoptions get_printoptions array_repr array_str array2string infeed outfeed vectorize
    frompyfunc jit vmap apply_along_axis apply_over_axes piecewise custom_linear_solve custom_root
    map scan while_loop fori_loop cond switch associative_scan reduce reduce_window
    select_and_scatter random_gamma_grad key PRNGKey split fold_in key_data wrap_key_data key_impl
    clone with_sharding_constraint after_all create_token optimization_barrier broadcast_shardings
    ragged_dot_general
"""
"""Functions that take no arrays alone: files, text, functions, keys, tokens."""
_SEEDED = ("jax.random.",)
_MADE = ("jax.nn.initializers.",)
_VECTOR = np.array([0.25, 0.5, 0.75], np.float32)
_MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]], np.float32)
_GIVEN: dict[str, tuple[Any, ...]] = {
    "vector": (_VECTOR,),
    "matrix": (_MATRIX,),
    "whole": (np.array([3, 1, 2], np.int32),),
    "number": (0.5,),
    "vectors": (_VECTOR, _VECTOR + 1),
    "pairs": (_VECTOR[:2], _VECTOR[:2] + 1),
    "matrices": (_MATRIX, _MATRIX + 1),
    "numbers": (2, 3),
    "vector-and-number": (_VECTOR, 1),
    "three-vectors": (_VECTOR, _VECTOR, _VECTOR),
}
"""By name, what a function is given. NumPy's arrays stand for JAX's, to be made when needed."""


def public(module: str) -> Iterator[str]:
    """The public functions of a module, without those that warn when they are named."""
    try:
        found = needed(module)
    except Absent:
        return
    for name, value in sorted(vars(found).items()):
        mine = str(getattr(value, "__module__", "") or "").startswith("jax")
        is_function = callable(value) and not inspect.isclass(value)
        if is_function and mine and not name.startswith("_"):
            yield name


@functools.cache
def names() -> tuple[str, ...]:
    """The dotted names of all such functions, each once."""
    return tuple(
        f"{module}.{name}"
        for module in MODULES
        for name in public(module)
        if name not in _NO_ARRAYS.split()
    )


def forms() -> Forms:
    """By function and kind of arguments, such as `plain-each-numpy.hamming-number`."""
    found: Forms = {}
    for name in names():
        for kind in ("seeded",) if name.startswith(_SEEDED + _MADE) else _GIVEN:
            short = name.removeprefix("jax.")
            found[f"{PREFIX}{short}-{kind}"] = partial(_given, name, kind)
    return found


def _given(name: str, kind: str) -> Any:
    """What the function gives, computed; of a maker of initial values, the values."""
    function = needed(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.startswith(_MADE):
            return _initial(function)
        if name.startswith(_SEEDED):
            return _drawn(function)
        given = [jnp.asarray(x) if isinstance(x, np.ndarray) else x for x in _GIVEN[kind]]
        return _arrays(function(*given))


def _arrays(found: Any) -> Any:
    """The leaves, without the classes of containers."""
    return [leaf for leaf in jax.tree_util.tree_leaves(found) if hasattr(leaf, "dtype")]


def _initial(function: Any) -> Any:
    key = jax.random.PRNGKey(0)
    parameters = inspect.signature(function).parameters
    if "key" in parameters or "shape" in parameters:
        return function(key, (2, 3), jnp.float32)
    return function()(key, (2, 3), jnp.float32)


def _drawn(function: Any) -> Any:
    """What is drawn with its parameters' usual values."""
    key = jax.random.PRNGKey(0)
    usual: dict[str, Any] = {
        "shape": (4,),
        "a": 2.0,
        "b": 3.0,
        "p": 0.5,
        "n": 4,
        "d": 2,
        "df": 3.0,
        "dfnum": 3.0,
        "dfden": 5.0,
        "lam": 3.0,
        "x": _VECTOR,
        "scale": 2.0,
        "sigma": 1.0,
        "mean": 1.0 if "sigma" in inspect.signature(function).parameters else np.zeros(2),
        "cov": np.eye(2, dtype=np.float32),
        "logits": np.zeros(3, np.float32),
        "alpha": np.ones(3, np.float32),
        "minval": 0,
        "maxval": 10,
        "lower": -1.0,
        "upper": 1.0,
        "left": 0.0,
        "mode": 0.5,
        "right": 1.0,
    }
    taken = inspect.signature(function).parameters
    needs = {n for n, p in taken.items() if p.default is p.empty} - {"key"}
    return function(key, **{name: usual[name] for name in needs if name in usual})
