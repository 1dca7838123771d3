"""Errors of Python itself, and of JAX's at one line: an index, a name, an attribute, a key."""

from __future__ import annotations

import re

from conformance.judge.verdict import Diagnosis

KEY_FIRST = Diagnosis(
    "key-goes-first",
    "An array or a shape stands where the key goes.",
    "Give the key first: `jax.random.normal(key, shape)`, `layer.init(key, x)`.",
)
NO_SUCH_AXIS = Diagnosis(
    "axis-not-there",
    "An axis was named that the array does not have.",
    "Axes are counted from 0: an array of two has 0 and 1. Inside a map an example lacks the mapped one, "
    "and `jnp.concatenate` makes none, as `jnp.stack` does.",
)

PLAIN_ERRORS: tuple[tuple[str, Diagnosis], ...] = (
    (
        r"^TypeError: Cannot interpret '\d+' as a data type",
        Diagnosis(
            "shape-in-several-arguments",
            "A shape was given as several numbers: the second one was taken for a dtype.",
            "Put it into one tuple: `jax.random.normal(key, (m, n))`, `jnp.zeros((m, n))`.",
        ),
    ),
    (
        r"(?s)^ValueError: [vp]map in_axes specification must be a tree prefix .*different types",
        Diagnosis(
            "in-axes-built-otherwise",
            "An entry of `in_axes` is a tuple, a list or a dict, and its argument is an array.",
            "Give one entry for each argument, a number or `None` for an array: a pair that the function is "
            "given is all of `in_axes`, `in_axes=in_axes`, and `out_axes` goes beside it.",
        ),
    ),
    (r"^TypeError: unexpected PRNG key type <class '(tuple|list)'>", KEY_FIRST),
    (r"^InvalidRngError: RNGs should be .*\brngs are: \[+\s*-?\d*\.", KEY_FIRST),
    (
        r"requires at least one argument with a mapped axis|at least one non-None value in in_axes",
        Diagnosis(
            "nothing-mapped",
            "`in_axes` names no array to map.",
            "Put 0 at the place of what has an axis of examples, and `None` at the others: "
            "`in_axes=(0, None)` maps the first of two arguments.",
        ),
    ),
    (
        (
            r"along axis -?\d+, which implies that its rank should be at least ([2-9])|"
            r"^ValueError: axis -?\d+ is out of bounds for array of dimension"
        ),
        NO_SUCH_AXIS,
    ),
    (
        r"^BdbQuit",
        Diagnosis(
            "debugger-left-in",
            "The file stops in Python's debugger, and nobody types anything where files are judged.",
            "Take `breakpoint()` and `pdb.set_trace()` out.",
        ),
    ),
    (
        r"^SystemExit",
        Diagnosis(
            "ends-python",
            "The file ends Python, by `sys.exit`, `exit` or `quit`, or by a reader of command lines.",
            "Let the function return its answer, and end a program under `if __name__ == '__main__':`, "
            "which is not run here.",
        ),
    ),
    (
        r"^TypeError: (list|tuple) indices must be integers or slices, not str",
        Diagnosis(
            "pair-is-no-dict",
            "A list or a tuple was asked for an entry by a name, as if it were a dict.",
            "Take its entries by their places, `layer[0]`, or apart: `weights, biases = layer`.",
        ),
    ),
    (
        r"^TypeError: (list|tuple) indices must be integers or slices, not tuple",
        Diagnosis(
            "list-is-no-array",
            "A list or a tuple was indexed along several axes, as if it were an array.",
            "Make an array of it first, `jnp.asarray(rows)[:, 0]`, or take an entry of it: `rows[0]`.",
        ),
    ),
    (
        r"^TypeError: 'tuple' object does not support item assignment",
        Diagnosis(
            "tuple-is-immutable",
            "An entry of a tuple was assigned, and a tuple cannot be changed.",
            "Make a new one: `(w - step, b - other_step)`, gathered in a new list for all layers.",
        ),
    ),
    (
        r"^TypeError: iteration over a 0-d (array|tensor)",
        Diagnosis(
            "number-taken-apart",
            "A single number was looped over, or taken apart into several.",
            "Look at what the line loops over. `jax.value_and_grad` gives the value first: "
            "`loss, grads = ...`; and in a map over one axis, an entry of a vector is one number.",
        ),
    ),
    (
        r"^IndexError: list index out of range",
        Diagnosis(
            "beyond-the-last-entry",
            "A list was asked for an entry beyond its last one.",
            "The last of n entries is at n - 1: where a loop uses `sizes[i + 1]`, it runs over "
            "`range(len(sizes) - 1)`.",
        ),
    ),
    (
        r"^IndexError: ([Tt]oo many indices|invalid index to scalar variable)",
        Diagnosis(
            "too-many-indices",
            "An array was indexed along more axes than it has.",
            "Leave the index out, or keep the axis. Where a map calls that line, an argument is one example "
            "there, without its mapped axis: `v`, not `v[0]`.",
        ),
    ),
    (
        r"[Kk]ey accepts a scalar seed, but was given an array of shape=? ?\(2,\)",
        Diagnosis(
            "key-of-a-key",
            "A key was to be made of two numbers, which is what a key is made of already.",
            "Use the `key` that the function is given as it is: `jax.random.split(key)`, without `PRNGKey`.",
        ),
    ),
    (
        r"^InvalidRngError: RNGs should be of shape \(2,\) or PRNGKey .*\brngs are: \d",
        Diagnosis(
            "seed-in-place-of-a-key",
            "A Flax module was given a number where it takes a key.",
            "Make a key of the seed: `layer.init(jax.random.PRNGKey(seed), x)`.",
        ),
    ),
    (
        r"ApplyScopeInvalidVariablesTypeError",
        Diagnosis(
            "variables-in-no-dict",
            "`apply` was given something else than the dict that `init` returns, such as what stands under "
            "its 'params'.",
            "Give it the whole: `layer.apply(variables, x)`, or `layer.apply({'params': params}, x)`.",
        ),
    ),
    (
        r"^AttributeError: '([\w.]*PjitFunction|function)' object has no attribute '(init|apply)",
        Diagnosis(
            "module-mapped-as-a-function",
            "`init` or `apply` was looked for in a function: `jax.vmap` and `jax.jit` give functions, no "
            "modules.",
            "Lift the class, `nn.vmap(nn.Dense, ...)(features)`, or map the method itself: "
            "`jax.vmap(layer.init)`.",
        ),
    ),
    (
        r"^TypeError: '[\w.]+' object is not callable",
        Diagnosis(
            "no-function-called",
            "What stands before a parenthesis at the line shown is no function, but a number, an array, "
            "or another value.",
            "Look for a variable that has a function's name, such as `sum = 0` before `sum(...)`, and for an "
            "operator or a comma that is missing before the parenthesis.",
        ),
    ),
    (
        r"^TypeError: [Oo]nly (scalar|length-1|0-dimensional) arrays can be converted",
        Diagnosis(
            "array-in-place-of-a-number",
            "A function that takes one number, such as those of `math`, was given an array of several.",
            "Use that of `jax.numpy`, which takes arrays: `jnp.tanh` in place of `math.tanh`.",
        ),
    ),
    (
        r"^ValueError: Incompatible (types|shapes) for broadcasting: .* and requested (type|shape)",
        Diagnosis(
            "place-of-another-shape",
            "An array was written into, or spread over, a place of another shape.",
            "Take every size from the arguments, as in `x.shape[0]`, and write into the place of one example "
            "what belongs to one example.",
        ),
    ),
    (
        r"must have ndim at least 1, but it has ndim 0|not have enough dimensions \(has 0",
        Diagnosis(
            "number-in-a-product",
            "One factor of `@` was a single number, without any axis.",
            "Keep the axes of the factors: `.squeeze()` drops every axis of size 1, and each `vmap` takes "
            "one away, two in `vmap(vmap(f))`. A number is multiplied by `*`.",
        ),
    ),
    (
        r"partitioned \d+ times, but the dimension size is",
        Diagnosis(
            "wrong-in-axes",
            "An axis that is mapped over devices has another number of entries than the map has devices.",
            "Give every mapped array one slice for each device, give shared arguments `None` in `in_axes`, "
            "and leave `devices=` out unless it names as many devices as there are slices.",
        ),
    ),
)
"""Texts of exceptions, which go before the others, and what each comes from."""

_METHOD = re.compile(
    r"^AttributeError: '?(?:[\w.]*\.)?(?:ArrayImpl|\w*Tracer|ndarray)'?(?: object)? has no attribute "
    r"'?(\w+)"
)
_OF_OTHERS = {
    "append": "an array does not grow: gather the parts in a list, and join them with `jnp.stack`",
    "backward": "take the gradient of a function: `jax.grad(loss)(params, x, y)`",
    "cpu": "leave it out: JAX's arrays need no moving",
    "cuda": "leave it out: JAX's arrays need no moving",
    "detach": "leave it out, or write `jax.lax.stop_gradient(x)`",
    "matmul": "write `x @ y`",
    "mm": "write `x @ y`",
    "numpy": "leave it out, or write `np.asarray(x)` outside any map",
    "permute": "write `x.transpose(...)`",
    "relu": "write `jax.nn.relu(x)`",
    "sigmoid": "write `jax.nn.sigmoid(x)`",
    "split": "write `jax.random.split(key, n)` for a key, and `jnp.split(x, n)` for an array",
    "softmax": "write `jax.nn.softmax(x)`",
    "t": "write `x.T`",
    "to": "leave it out, or write `x.astype(...)`",
    "unsqueeze": "write `jnp.expand_dims(x, axis)`",
}
_FUNCTIONS = ("abs", "cos", "exp", "log", "norm", "power", "sin", "sqrt", "square", "tanh")


def of_missing_method(text: str) -> Diagnosis | None:
    """What JAX has for a method that its arrays lack, and those of other libraries have.

    Args:
        text: the exception's type and message.

    """
    found = _METHOD.match(text)
    if found is None:
        return None
    name = found[1]
    instead = _OF_OTHERS.get(name)
    if name in _FUNCTIONS:
        module = "jnp.linalg" if name == "norm" else "jnp"
        instead = f"write `{module}.{name}(...)`, a function"
    if instead is None:
        return None
    return Diagnosis(
        "no-such-method",
        f"An array of JAX or NumPy has no `.{name}`.",
        f"{instead[0].upper()}{instead[1:]}.",
    )
