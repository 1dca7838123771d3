"""The standalone script of a violation: it imports JAX, Flax and NumPy only, and runs anywhere."""

import ast
import inspect
import os
import textwrap
from typing import Any

import jax
import numpy as np

from conformance.runner.process_env import PRECISION
from conformance.transforms.linen.modules import own_source
from properties import oracle as expected
from properties.call import WIDE, FunctionCall, ModuleCall, with_dtypes_of
from properties.compare import Expected
from properties.law import Law, Violation
from properties.laws.sharing import gradients, metadata
from properties.recipe import MAP
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import literal
from reference import functions
from reference.error_bounds.agreement import SLACK, agree

_HEAD = '''\
"""{law} does not hold for {transform} on {subject}.

{sentence}
{message}

Found by vmap-conformance. Prints what was expected and got; exits 1 while they differ.
"""

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

'''

_TAIL = """

{agree}


different = False
got_leaves = jax.tree_util.tree_flatten_with_path(got)[0]
expected_leaves = jax.tree_util.tree_leaves(expected)
print("mapped by", "{transform}", "on jax", jax.__version__)
bounds = jax.tree_util.tree_leaves(allowed)
for (path, g), e, bound, dtype in zip(got_leaves, expected_leaves, bounds, dtypes):
    if jnp.issubdtype(g.dtype, jax.dtypes.prng_key):
        g = jax.random.key_data(g)
    g = np.asarray(g)
    print("\\n" + jax.tree_util.keystr(path), f"expected {dtype} {e.shape}", e, sep="\\n")
    print(f"got {g.dtype.name} {g.shape}", g, sep="\\n")
    if g.shape != e.shape or g.dtype.name != dtype:
        different = True
    else:
        different |= not np.all(agree(g, e, bound))
different |= len(got_leaves) != len(expected_leaves)
print("\\nthey differ" if different else "\\nthey agree")
sys.exit(different)
"""


_RAISES = """
try:
    got = {made}
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


_NAMES = """
got = names(rngs, *inputs)
for name, axes in got.items():
    print("the axes of", name, "are said to be", axes)
expected = {right}
different = got != expected
print("expected", expected, "\\nthey differ" if different else "\\nthey agree")
sys.exit(different)
"""
_GRADIENT = """
weights = {weights}


def total(params):
    output, _ = lifted.apply({{**variables, "params": params}}, *inputs, rngs=rngs, mutable=[])
    products = jax.tree_util.tree_map(lambda o, w: jnp.sum(o * w), output, weights)
    return sum(jax.tree_util.tree_leaves(products))


got = jax.grad(total)(variables["params"])
"""


def script(law: Law, transform: Transform, found: Violation) -> str:
    """Python that shows the violation of a call's first combination of axes."""
    with with_dtypes_of(found.call):
        return _script(law, transform, found)


def _script(law: Law, transform: Transform, found: Violation) -> str:
    call = found.call.only(found.call.axes[0])
    head = _HEAD.format(
        law=law.id,
        transform=transform.name,
        subject=call.subject_name,
        sentence=law.sentence,
        x64='jax.config.update("jax_enable_x64", True)\n' if call.dtype in WIDE else "",
        precision=f'os.environ.setdefault("{PRECISION}", "{os.environ[PRECISION]}")\n'
        if PRECISION in os.environ
        else "",
        message=_quoted(textwrap.fill(str(found.mismatch)[:600], 96)),
    )
    body = (
        _wrong_call(transform, call, found.arguments)
        if isinstance(call, FunctionCall) and _wanted(found) is not None
        else _function(transform, call, found)
        if isinstance(call, FunctionCall)
        else _module(transform, found)
    )
    wanted = _wanted(found)
    if wanted is not None:
        updated = expected.mutable(call) if isinstance(call, ModuleCall) else []
        made = {
            "init": "lifted.init(rngs, *inputs)",
            "apply": f"lifted.apply(variables, *inputs, rngs=rngs, mutable={updated})",
        }.get(found.what, "mapped(*arguments)")
        return head + body + _RAISES.format(wanted=wanted, made=made, says=found.mismatch.says)
    if found.what == "names":
        return head + body
    tail = _TAIL.replace("{transform}", transform.name)
    return head + body + tail.replace("{agree}", _source_of_agree())


def _source_of_agree() -> str:
    """The comparator itself, without its annotations, which need imports."""
    tree = ast.parse(inspect.getsource(agree))
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return ast.unparse(tree)


def _wanted(found: Violation) -> str | None:
    """The exception that the law wants, where it wants one: it says "ValueError, since ..."."""
    expected, kind = found.mismatch.expected, found.mismatch.kind
    if kind in ("accepted", "raised", "unnamed") and isinstance(expected, str):
        return expected.split(",")[0]
    return None


def _quoted(text: str) -> str:
    """Text as it may stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"', "'")


def _wrong_call(transform: Transform, call: FunctionCall, arguments: Any) -> str:
    """A call that must raise."""
    return "\n".join(
        [
            "from typing import Any\n\n",
            _definition(call.subject),
            f"arguments = {literal(arguments or call.arguments(call.axes[0]))}",
            transform.source(call),
        ]
    )


def _function(transform: Transform, call: FunctionCall, found: Violation) -> str:
    way = found.recipe or MAP
    mapped = call.only(way.axes(call.axes[0]))
    return "\n".join(
        [
            "from typing import Any\n\n",
            _definition(call.subject),
            f"arguments = {literal(found.arguments or call.arguments(call.axes[0]))}",
            # As in the run: eager operations of NumPy's arrays may be NumPy's own.
            *(["arguments = jax.tree_util.tree_map(jax.device_put, arguments)"] * call.eager),
            *_answer(found.expected or expected.of_function(call)),
            way.setup_code(call),
            transform.source(mapped),
            # Compiled as it was in the run: XLA has faults that operations one by one do not show.
            "got = jax.jit(mapped)(*arguments)"
            if way is MAP and transform.traceable and not call.eager
            else way.result_code(call),
        ]
    )


def _definition(subject: FunctionSubject) -> str:
    if subject.source is not None:
        return subject.source
    if inspect.getmodule(subject.function) is functions:
        return f"{inspect.getsource(subject.function)}\nfunction = {subject.function.__name__}"
    return own_source(subject.name, "function = subject.function")


def _module(transform: Transform, found: Violation) -> str:
    call = found.call
    assert isinstance(call, ModuleCall)
    make = "jax.random.key" if call.typed_keys else "jax.random.PRNGKey"
    rngs = ", ".join(
        f"{name!r}: {make}({call.key + i})" for i, name in enumerate(call.subject.streams)
    )
    lines = [
        transform.source(call),
        f"inputs = {literal(call.inputs(call.axes[0]))}",
        f"rngs = {{{rngs}}}",
    ]
    if _wanted(found) is not None and found.what == "init":
        return "\n".join(lines)
    if found.what == "init":
        return "\n".join(
            [
                *lines,
                *_answer(expected.of_variables(call, transform.derivation)),
                f"got = {'jax.jit(lifted.init)' if call.init_jitted else 'lifted.init'}(rngs, *inputs)",
            ]
        )
    if found.what == "names":
        return "\n".join([*lines, _NAMES.format(right=metadata.expected_names(call))])
    variables = expected.drawn_variables(call)
    if _wanted(found) is not None:
        return "\n".join([*lines, f"variables = {literal(variables)}"])
    if found.what == "gradient":
        weights = literal(gradients.weights_of_map(call, variables))
        assert found.expected is not None
        return "\n".join(
            [
                *lines,
                f"variables = {literal(variables)}",
                *_answer(found.expected),
                _GRADIENT.format(weights=weights),
            ]
        )
    updated = expected.mutable(call)
    module = "plain" if found.what == "plain" else "lifted"
    got = f"{module}.apply(variables, *inputs, rngs=rngs, mutable={updated})"
    if transform.traceable and not call.init_jitted:
        got = f"jax.jit(lambda variables, *inputs: {got})(variables, *inputs)"
    return "\n".join(
        [
            *lines,
            f"variables = {literal(variables)}",
            *_answer(found.expected or expected.of_module(call, variables, transform.derivation)),
            f"got = {got}",
        ]
    )


def _answer(right: Expected) -> list[str]:
    bound = jax.tree_util.tree_map(lambda b: SLACK * np.asarray(b, np.float64), right.bound)
    dtypes = [np.dtype(leaf.dtype).name for leaf in jax.tree_util.tree_leaves(right.like)]
    return [
        f"expected = {literal(right.value)}",
        f"allowed = {literal(bound)}",
        f"dtypes = {dtypes}",
    ]
