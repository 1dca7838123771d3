"""Pitfalls that the text of an exception gives away, in the wording of the releases supported."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from conformance.judge.plain_errors import PLAIN_ERRORS, of_missing_method
from conformance.judge.removed_apis import of_removed
from conformance.judge.surrounding_errors import SURROUNDING_ERRORS
from conformance.judge.verdict import Diagnosis

SCALAR = Diagnosis(
    "scalar-not-broadcast",
    "A scalar was mapped as if it had an axis of examples.",
    "Say that it is the same for all: `None` at its place in `in_axes`, as in `in_axes=(0, None)`.",
)
AXES = Diagnosis(
    "wrong-in-axes",
    "The arrays that were mapped together do not have the same number of examples.",
    "Check which axis each argument is mapped over, and give shared ones `None` in `in_axes`.",
)
SHAPES = Diagnosis(
    "shapes-do-not-fit",
    "Arrays whose shapes do not fit met in one operation.",
    "Print both shapes at the line shown, and compare with the task's. Where a map calls that line, an "
    "argument is one example there, without its mapped axis, or the whole where `in_axes` says `None`.",
)
FIXED_SIZE = Diagnosis(
    "fixed-size",
    "An array was taken to be of another size than it is.",
    "Take every size from the arguments, as in `x.shape[0]`: one that is written as a number fits some "
    "calls only.",
)

SYMPTOMS: tuple[tuple[str, Diagnosis], ...] = (
    (
        r"pmap in_axes\[0\]\s.*length \d+, but the full pytree.*length \d+|got len\(in_axes\)=",
        Diagnosis(
            "in-axes-of-another-length",
            "`in_axes` has another number of entries than the mapped function was given arguments.",
            "Give it one for each, in their order: 0 for what is mapped, `None` for what is shared. What "
            "goes by keyword has no entry: give it by its place.",
        ),
    ),
    (
        # "at vmap out_axes, got axis spec None but output was batched" is of one axis.
        r"(?<!at )[vp]map out_axes",
        Diagnosis(
            "out-axes-built-otherwise",
            "`out_axes` is built otherwise than what the mapped function returns.",
            "Give one number where it returns one array, such as `out_axes=0`, and a tuple of numbers only "
            "where it returns a tuple. It is not `in_axes`, which has an entry for each argument.",
        ),
    ),
    (
        r"inconsistent sizes.*(uint32\[\d+,2\]|key<\w+>\[\d+\])",
        Diagnosis(
            "as-many-keys-as-examples",
            "Keys were mapped together with examples, and there are not as many of them.",
            "Split as many as there are examples: `jax.random.split(key, len(x_batch))`.",
        ),
    ),
    (
        r"Non-hashable static argument",
        Diagnosis(
            "unhashable-static-argument",
            "An argument that holds arrays was declared static, and arrays cannot be hashed.",
            "Leave parameters out of `static_argnums` and `static_broadcasted_argnums`: "
            "only plain Python values may be static.",
        ),
    ),
    (
        r"rank should be at least 1, but is only 0|only valid for values of rank at least 1",
        SCALAR,
    ),
    (
        r"\['params'\].*got axis spec None but output was batched",
        Diagnosis(
            "keys-split-while-shared",
            "The parameters are shared, but every example was to draw them from a key of its own.",
            "Leave the key whole with `split_rngs={'params': False}`.",
        ),
    ),
    (
        r"got axis spec None but output was batched|vmap has mapped output but out_axes is None",
        Diagnosis(
            "none-for-what-differs",
            "A result that differs between the examples was said to be the same for all, by `None`.",
            "Say where the axis of examples goes: `out_axes=0`. In `nn.vmap`, parameters shared by `None` "
            "need a whole key, `split_rngs={'params': False}`, and those drawn from split keys an axis.",
        ),
    ),
    (
        r"ScopeCollectionNotFound.*vmap",
        Diagnosis(
            "params-not-declared",
            "The lifted module was not told what becomes of its parameters.",
            "Name the collection: `variable_axes={'params': None}` shares it.",
        ),
    ),
    (
        r"TransformTargetError|[Tt]ransformations must be applied to Module",
        Diagnosis(
            "instance-lifted",
            "`nn.vmap` was given an instance of a module, and it maps classes.",
            "Give it the class, `nn.vmap(nn.Dense, ...)`, and call the result with the features.",
        ),
    ),
    (
        r"InvalidRngError.*params",
        Diagnosis(
            "keys-not-declared",
            "The lifted module was given no key to draw its parameters from.",
            "Name the stream: `split_rngs={'params': False}` passes the key on whole.",
        ),
    ),
    (
        r"OverflowError.*(<class 'int'>|Python int)",
        Diagnosis(
            "integer-too-large",
            "A Python integer that no int32 holds was given to JAX.",
            "Leave what the task gives as a float one: `int(...)` cuts its digits off, too.",
        ),
    ),
    (
        r"unbound axis name",
        Diagnosis(
            "axis-name-not-bound",
            "A collective such as `pmean` names an axis that no map around it has.",
            "Give the map that name: `jax.pmap(..., axis_name='devices')` and "
            "`jax.lax.pmean(x, 'devices')`.",
        ),
    ),
    (
        r"Gradient only defined for scalar-output",
        Diagnosis(
            "gradient-of-an-array",
            "`jax.grad` was given a function that returns an array, not one number.",
            "Return one number, such as `jnp.mean(...)` of the errors.",
        ),
    ),
    (
        r"Expected a callable value, got",
        Diagnosis(
            "array-in-place-of-function",
            "A transformation such as `jax.vmap` was given an array or a result, not a function.",
            "Give it the function itself, and call what it returns: `jax.vmap(f)(x)`.",
        ),
    ),
    (
        r"TracerBoolConversionError|TracerIntegerConversionError|^ConcretizationTypeError",
        Diagnosis(
            "branch-on-a-traced-value",
            "Python's `if`, `while`, `range`, `int` or `float` asked for the value of an array that is being "
            "traced.",
            "Choose with `jnp.where` or `jax.lax.cond`, and leave `int(...)`, `float(...)` and `.item()` "
            "out: inside `vmap`, `jit` and `grad` an array has no value yet.",
        ),
    ),
    (
        r"TracerArrayConversionError",
        Diagnosis(
            "numpy-on-a-traced-array",
            "NumPy was given an array that is being traced.",
            "Use `jax.numpy` inside `vmap`, `jit` and `grad`: `jnp.dot` in place of `np.dot`.",
        ),
    ),
    (
        r"arrays are immutable|does not support item assignment",
        Diagnosis(
            "array-is-immutable",
            "An array of JAX cannot be changed in place.",
            "Make a new one: `x = x.at[i].set(value)` in place of `x[i] = value`.",
        ),
    ),
    (
        (
            r"can't multiply sequence by non-int|"
            r"unsupported operand type\(s\) for [-+*/]+=?: '([\w.]+' and ')?(list|tuple)'"
        ),
        Diagnosis(
            "arithmetic-on-a-list",
            "Arithmetic was done on a list or tuple of arrays as if it were one array.",
            "Do it for each array: "
            "`jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, gradients)`.",
        ),
    ),
    (
        r"\bxor (does not accept|requires|only)|'(bitwise_xor|\^)' not supported|for \^: '",
        Diagnosis(
            "caret-is-no-power",
            "`^` is the exclusive or of bits in Python, not a power.",
            "Write `**`: `x ** 2`.",
        ),
    ),
    (
        r"CallCompactUnboundModuleError|unbound module",
        Diagnosis(
            "module-without-parameters",
            "A Flax module was called by itself, and has no parameters yet.",
            "Draw them with `variables = layer.init(key, x)`, then call `layer.apply(variables, x)`.",
        ),
    ),
    (
        r"pytree structure error|Tuple arity mismatch|List arity mismatch|Expected (tuple|list|dict), got",
        Diagnosis(
            "trees-differ",
            "Nested lists, tuples or dicts of arrays were used together that are built differently.",
            "Print both with `jax.tree_util.tree_structure`. A gradient is built like the argument it "
            "is taken by: the first one, unless `argnums` says otherwise.",
        ),
    ),
    (
        r"^ValueError: Seed must be between 0 and 2\*\*32 - 1",
        Diagnosis(
            "numpy-random",
            "NumPy's generator was given the seed: it takes no negative one, and its numbers are not JAX's.",
            "Draw with JAX: `key = jax.random.PRNGKey(seed)`.",
        ),
    ),
    (r"inconsistent sizes", AXES),
    (
        r"contracting dimensions|mismatch in its core dimension|\bnot aligned: \d",
        Diagnosis(
            "factors-do-not-fit",
            "A product met two arrays whose inner sizes differ.",
            "In `a @ b` the last axis of `a` must be as long as the first one of a matrix `b`: compare with "
            "the shapes in the task. The factors may be the other way round, `w @ x` for `x @ w`, one "
            "transposed, or an argument mapped over another axis, or not at all.",
        ),
    ),
    (
        r"ScopeParamShapeError.* shape \(\d+, \d+\),.* shape \(\d+, \d+\)\.",
        Diagnosis(
            "initialised-with-other-inputs",
            "The parameters were drawn for inputs of another size than they are applied to.",
            "Give `init` the inputs that `apply` gets: `layer.init(key, x_batch)`.",
        ),
    ),
    (r"cannot reshape array|index -?\d+ is out of bounds for axis", FIXED_SIZE),
    (
        (
            r"[Ii]ncompatible shapes|ScopeParamShapeError|"
            r"could not be broadcast together"
        ),
        SHAPES,
    ),
)

USUAL_IMPORTS = {
    "functools": "import functools",
    "grad": "from jax import grad",
    "jax": "import jax",
    "jit": "from jax import jit",
    "jnp": "import jax.numpy as jnp",
    "lax": "from jax import lax",
    "math": "import math",
    "nn": "import flax.linen as nn",
    "nnx": "from flax import nnx",
    "np": "import numpy as np",
    "partial": "from functools import partial",
    "pmap": "from jax import pmap",
    "random": "from jax import random",
    "tree_map": "from jax.tree_util import tree_map",
    "vmap": "from jax import vmap",
}
"""Names that the libraries' own documentation uses, and the import that each comes from."""

AMBIGUOUS: tuple[tuple[str, str], ...] = (
    (
        (
            r"requires \d+ logical devices|"
            r"cannot select an axis to squeeze out which has size not equal.*dimensions=\(0,\)|"
            r"partitioned 8 times, but the dimension size is (9|[1-9]\d+)"
        ),
        "more-elements-than-devices",
    ),
    (r"OverflowError", "seed-overflows"),
)
"""Texts that mean a pitfall only where the exercise has it: JAX says so of other mistakes too."""


OPTIONS = (
    "argnums",
    "axis_name",
    "axis_size",
    "devices",
    "features",
    "has_aux",
    "in_axes",
    "out_axes",
    "split_rngs",
    "static_argnames",
    "static_argnums",
    "static_broadcasted_argnums",
    "use_bias",
    "variable_axes",
)
"""Options of transforms and layers, some of which are misspelt."""
_UNKNOWN_OPTION = re.compile(
    r"^TypeError: (?:v?p?map|jit|grad|value_and_grad|\w+\.__init__)\(\) got an unexpected keyword "
    r"argument '(\w+)'"
)


_STATIC_OF_PMAP = re.compile(
    r"^TypeError: pmap\(\) got an unexpected keyword argument 'static_arg(nums|names)'"
)
STATIC_OF_PMAP = Diagnosis(
    "misspelt-option",
    "`jax.pmap` has no such option.",
    "It is called `static_broadcasted_argnums` there. A number that all devices share needs none: give it "
    "`None` in `in_axes`.",
)


def _misspelt(name: str, meant: str) -> Diagnosis:
    return Diagnosis(
        "misspelt-option",
        f"There is no option `{name}`.",
        f"Did you mean `{meant}`?",
    )


def of_text(text: str, own: Mapping[str, Diagnosis]) -> Diagnosis | None:
    """The pitfall behind an exception's type and message; in an exercise's `own` words if it has any."""
    for pattern, pitfall in AMBIGUOUS:
        if pitfall in own and re.search(pattern, text, re.DOTALL):
            return own[pitfall]
    for pattern, diagnosis in (*PLAIN_ERRORS, *SURROUNDING_ERRORS, *SYMPTOMS):
        if re.search(pattern, text, re.DOTALL):
            return own.get(diagnosis.pitfall, diagnosis)
    if _STATIC_OF_PMAP.search(text):
        return STATIC_OF_PMAP
    unknown_option = _UNKNOWN_OPTION.search(text)
    if unknown_option is not None and unknown_option[1] not in OPTIONS:
        meant = difflib.get_close_matches(unknown_option[1], OPTIONS, 1, 0.8)
        return _misspelt(unknown_option[1], meant[0]) if meant else None
    gone = of_missing_method(text) or of_removed(text)
    if gone is not None:
        return gone
    unknown = re.match(r"NameError: name '(\w+)' is not defined", text)
    line = USUAL_IMPORTS.get(unknown[1]) if unknown is not None else None
    if unknown is None or line is None:
        return None
    return Diagnosis(
        "import-missing",
        f"The name `{unknown[1]}` is used, and nothing has imported it.",
        f"Add `{line}` at the top of the file.",
    )
