"""The text of a script around the code of its call."""

import ast
import inspect
import tokenize
from io import StringIO

from reference.error_bounds.agreement import agree

HEAD = '''\
"""{law} does not hold for {transform} on {subject}.

{sentence}
{message}

Found by vmap-conformance. Prints what was expected and got; exits 1 while they differ.
{imports}"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
{precision}
import sys

import jax
import jax.numpy as jnp
import numpy as np
from numpy import inf, nan  # in the arrays below

{x64}

def array(dtype, shape, values):
    return np.array(values, dtype).reshape(shape)


def numbers(leaf):
    is_key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

'''

RESULT = """
print("mapped by", "{transform}", "on jax", jax.__version__)
try:
{attempt}
except Exception as error:
    print("it raised", repr(error)[:300])
    print("\\nthey differ")
    sys.exit(1)
"""
"""For what must give a result."""

ARRAYS = """

{agree}


got_leaves = jax.tree_util.tree_flatten_with_path(got)[0]
expected_leaves = jax.tree_util.tree_leaves(expected)
bounds = jax.tree_util.tree_leaves(allowed)
got_structure = str(jax.tree_util.tree_structure(got))
different = got_structure != structure
if different:
    print(f"expected {structure}", f"got {got_structure}", sep="\\n")
for (path, g), e, bound, dtype in zip(got_leaves, expected_leaves, bounds, dtypes):
    print("\\n" + jax.tree_util.keystr(path), f"expected {dtype} {e.shape}", e, sep="\\n")
    print(f"got {g.dtype.name} {g.shape}", g, sep="\\n")
    if g.shape != e.shape or g.dtype.name != dtype:
        different = True
    else:
        different |= not np.all(agree(g, e, bound))
print("\\nthey differ" if different else "\\nthey agree")
sys.exit(different)
"""
"""Compares the arrays of two trees, and the trees."""

NAMES = """
for name, axes in got.items():
    print("the axes of", name, "are said to be", axes)
different = got != expected
print("expected", expected, "\\nthey differ" if different else "\\nthey agree")
sys.exit(different)
"""
"""Compares the names of axes."""

ONE_BY_ONE = """
# Releases draw differently: what is expected is what this one draws for each example by itself.
try:
    rows = []
    for i in range({size}):
        example = [
            jax.tree_util.tree_map(lambda x: x if axis is None else np.take(x, i, axis), argument)
            for argument, axis in zip(arguments, {in_axes})
        ]
        rows.append(jax.tree_util.tree_map(numbers, jax.jit(function)(*example)))
    expected = jax.tree_util.tree_map(lambda *leaves: np.stack(leaves, {out_axes}), *rows)
except Exception as error:
    print("unmapped it raised", repr(error)[:300])
"""

EXCEPTION = """
print("mapped by", "{transform}", "on jax", jax.__version__)
try:
{attempt}
except Exception as error:
    print("it raised", repr(error)[:300])
    names, message = [kind.__name__ for kind in type(error).__mro__], str(error)
else:
    print("it was accepted")
    names, message = [], ""
says = {says!r}
different = {wanted!r} not in names or (says and not any(each in message for each in says))
print("expected", {wanted!r}, *says, "\\nthey differ" if different else "\\nthey agree")
sys.exit(bool(different))
"""
"""For what must raise."""


def source_of_agree() -> str:
    """The comparator itself, without its annotations, which need imports."""
    tree = ast.parse(inspect.getsource(agree))
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return ast.unparse(tree)


def indented(code: str) -> str:
    """The code one level deeper; lines within a string stay as they are."""
    within: set[int] = set()
    for token in tokenize.generate_tokens(StringIO(code).readline):
        # An f-string is several tokens from Python 3.12 on.
        if tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE"):
            within.update(range(token.start[0] + 1, token.end[0] + 1))
    lines = code.splitlines()
    return "\n".join(
        line if number in within or not line.strip() else f"    {line}"
        for number, line in enumerate(lines, 1)
    )
