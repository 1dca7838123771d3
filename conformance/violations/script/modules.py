"""The code of a call that lifts a module."""

import jax
import numpy as np

from conformance.transforms.linen.modules import own_source
from conformance.violations.script.parts import Parts
from properties import oracle
from properties.call import ModuleCall
from properties.call_json import to_json
from properties.compare import Expected
from properties.law import Violation
from properties.laws.sharing import gradients, metadata
from properties.transform import Transform
from properties.trees import literal, raw
from reference.types import PyTree

_GRADIENT = """
def total(params):
    output, _ = lifted.apply({**variables, "params": params}, *inputs, rngs=rngs, mutable=[])
    products = jax.tree_util.tree_map(lambda o, w: jnp.sum(o * w), output, weights)
    return sum(jax.tree_util.tree_leaves(products))


got = jax.grad(total)(variables["params"])
"""


_DRAWN = """
from conformance.user_subjects.subjects import registered
from properties import oracle
from properties.call_json import from_json

# The module's own init from the call's seed, its values then moved.
with registered(subject):
    variables = oracle.drawn_variables(from_json({call}))
total = sum(float(np.abs(numbers(x)).sum()) for x in jax.tree_util.tree_leaves(variables))
if abs(total - {total!r}) > 1e-4 * {total!r}:
    print("on this release the module starts with other variables: run vmap-conformance replay")
    sys.exit(3)
"""


def parts(transform: Transform, call: ModuleCall, found: Violation) -> Parts:
    """The code of the call, which has one combination of axes."""
    source = transform.source(call)
    if found.what == "use":
        return Parts(setup=[], attempt=[source, "got = mapped()"], expected=found.expected)
    setup = [f"inputs = {literal(call.inputs(call.axes[0]))}", f"rngs = {_rngs(call)}"]
    must_raise = bool(found.mismatch.due)
    if found.what == "names":
        names = str(metadata.expected_names(call))
        return Parts(setup=setup, attempt=[source, "got = names(rngs, *inputs)"], expected=names)
    if found.what == "init":
        init = "jax.jit(lifted.init)" if call.init_jitted and not must_raise else "lifted.init"
        right = None if must_raise else oracle.of_variables(call, transform.derivation)
        return Parts(setup=setup, attempt=[source, f"got = {init}(rngs, *inputs)"], expected=right)
    variables = oracle.drawn_variables(call)
    setup.append(_variables(call, variables))
    if found.what == "gradient" and not must_raise:
        assert found.expected is not None
        setup.append(f"weights = {literal(gradients.weights_of_map(call, variables))}")
        return Parts(setup=setup, attempt=[source, _GRADIENT], expected=found.expected)
    got = _apply(transform, call, found.what, must_raise)
    right = None if must_raise else _expected(transform, call, found, variables)
    return Parts(setup=setup, attempt=[source, f"got = {got}"], expected=right)


def _variables(call: ModuleCall, variables: PyTree) -> str:
    """Python that sets `variables`: a user's own module, of any size, makes them from the seed."""
    if call.subject.own is None:
        return f"variables = {literal(variables)}"
    leaves = jax.tree_util.tree_leaves(raw(variables))
    total = sum(float(np.abs(np.asarray(leaf)).sum()) for leaf in leaves)
    drawn = _DRAWN.format(call=to_json(call), total=total)
    return own_source(call.subject_name, drawn)


def _rngs(call: ModuleCall) -> str:
    make = "jax.random.key" if call.typed_keys else "jax.random.PRNGKey"
    keys = (f"{name!r}: {make}({call.key + i})" for i, name in enumerate(call.subject.streams))
    return f"{{{', '.join(keys)}}}"


def _apply(transform: Transform, call: ModuleCall, what: str, must_raise: bool) -> str:
    """Python for what the module gives of the variables, compiled where it was in the run."""
    module = "plain" if what == "plain" else "lifted"
    got = f"{module}.apply(variables, *inputs, rngs=rngs, mutable={oracle.mutable(call)})"
    if transform.traceable and not call.init_jitted and not must_raise:
        return f"jax.jit(lambda variables, *inputs: {got})(variables, *inputs)"
    return got


def _expected(
    transform: Transform, call: ModuleCall, found: Violation, variables: PyTree
) -> Expected:
    return found.expected or oracle.of_module(call, variables, transform.derivation)
