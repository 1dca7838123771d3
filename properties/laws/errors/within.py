"""Functions that cannot be mapped, and such that cannot be called at all."""

import jax
import numpy as np

from properties import lacking
from properties.batch_axes import front
from properties.call import FunctionCall
from properties.law import attribute_to, law
from properties.laws.errors.calls import assert_raises
from properties.laws.errors.of_functions import FUNCTIONS
from properties.laws.errors.of_maps import MAPS
from properties.laws.errors.of_numpy import NUMPY
from properties.laws.errors.of_operations import OPERATIONS, SCATTERED
from properties.laws.errors.refused import Refused
from properties.strategies import function_calls
from properties.transform import Transform
from properties.trees import attempt

GIVEN = (np.arange(6, dtype="float32").reshape(3, 2),)
"""Three examples of two numbers, with which each function is mapped."""

_CALLBACK = "io_callback(lambda x: np.asarray(x) - 1, x, x)"
_RULE = """
@jax.custom_batching.custom_vmap
def pair(x):
    return x, x

@pair.def_vmap
def _(size, mapped, x):
    return {}

def refused(x):
    return pair(x)
"""
_REF = """
ref = jax.new_ref(jnp.zeros(2))

def refused(x):
    {}
    return x
"""
_MADE = """
def refused(x):
    ref = jax.new_ref(x)
    return {}
"""
_JVP = """
@jax.custom_jvp
def twice(x):
    return 2 * x

twice.defjvp(lambda x, t: (twice(*x), (t[0], t[0])))

def refused(x):
    return jax.jvp(twice, (x,), (x,))
"""
_VJP = """
@jax.custom_vjp
def twice(x):
    return 2 * x

twice.defvjp(lambda x: (2 * x, None), lambda _, g: (g, g))

def refused(x):
    return jax.vjp(twice, x)[1](x)
"""
_COMPILED = """
compiled = jax.jit(lambda x: x + 4).lower(jnp.zeros(2)).compile()

def refused(x):
    return compiled(x)
"""
_FORWARD = """
@jax.custom_vjp
def twice(x):
    return 2 * x

twice.defvjp(lambda x: (2 * x, None), lambda _, g: (g,))

def refused(x):
    return jax.jvp(jax.vmap(twice), (x,), (x,))
"""
_CHECKED = """
from jax.experimental import checkify

def turn(n):
    checkify.check(n < 5, "too large")
    return n + 1

def refused(x):
    loop = jax.vmap(lambda n: lax.while_loop(lambda n: n < 3, turn, n))
    return checkify.checkify(loop)(x)[1]
"""
_REUSED = """
def twice(seed):
    key = jax.random.key(seed)
    return jax.random.bits(key) + jax.random.bits(key)

def refused(x):
    with jax.debug_key_reuse(True):
        return jax.vmap(twice)(x.astype(int))
"""
_OF_VMAP = (
    ("no result has the axis 2", ValueError, "jax.vmap(lambda y: y, out_axes=2)(x)"),
    ("no result has the axis -2", ValueError, "jax.vmap(lambda y: 3.0, out_axes=-2)(x)"),
    ("False is no axis", TypeError, "jax.vmap(lambda y: y, in_axes=False)(x)"),
    ("an array is no axis", TypeError, "jax.vmap(lambda y: y, in_axes=(jnp.arange(1.0),))(x)"),
    ("there is one argument, not two", ValueError, "jax.vmap(lambda y: y, in_axes=(0, 0))(x)"),
    (
        "no entry of in_axes is of what is given by name",
        ValueError,
        "jax.vmap(lambda y, z: y + z, in_axes=(0, 0))(x, z=x)",
    ),
    (
        "what is given by name is of another size",
        ValueError,
        "jax.vmap(lambda y, z: y + z)(x, z=x[:1])",
    ),
    ("there is no array", ValueError, "jax.vmap(lambda y: x)({})"),
    ("a number has no axis", ValueError, "jax.vmap(lambda y: y)(x[0])"),
)
"""Why a map within the function means nothing, what it raises, and the map."""
_INNER = "jax.vmap(lambda y: {}, axis_name='i')(jnp.stack([x, x]))"
_VALUE = "Python is given the value of what is mapped"
_SHARED = "each example writes another value to a reference that all share"
_UNBATCHED = "with vmapped value on an unbatched array reference"
_NO_ORDER = "the examples have no order"
_GROUPS = "a map by name takes no groups"
REFUSED = (
    Refused(_NO_ORDER, ValueError, f"{_CALLBACK[:-1]}, ordered=True)", says=("ordered IO",)),
    Refused(
        "not every example takes the branch that calls back",
        NotImplementedError,
        f"lax.cond(x[0] > 2, lambda x: {_CALLBACK}, lambda x: x, x)",
        says=("not supported in vmap-of-cond",),
    ),
    Refused(
        "not every example goes on with the loop that calls back",
        Exception,
        f"lax.while_loop(lambda x: x[0] > 0, lambda x: {_CALLBACK}, x)",
        says=("while_loop with batched predicate",),
    ),
    Refused(
        "nothing says how the callback takes a batch",
        NotImplementedError,
        "jax.pure_callback(lambda x: np.asarray(x), x, x)",
        # Before, a callback was called for each example unless it was said to take a batch.
        needs="new_ref",
        says=("vmap_method",),
    ),
    Refused(
        "its rule returns another tree",
        ValueError,
        _RULE.format("[x, x], [True, True]"),
        says=("that of original custom-vmapped function", "PyTreeDef([*, *])"),
    ),
    Refused(
        "its rule says too little",
        ValueError,
        _RULE.format("(x, x), True"),
        says=("output batching specification", "Batching spec: PyTreeDef(*)"),
    ),
    *(
        Refused(_SHARED, Exception, _REF.format(write), needs="new_ref", says=(_UNBATCHED,))
        for write in (
            "ref[...] = x",
            "ref[0] = x[0]",
            "ref[1:] = x[:1]",
            "jax.ref.swap(ref, ..., x)",
        )
    ),
    *(
        Refused(_SHARED, Exception, _REF.format(write), says=(_UNBATCHED,), since=(0, 8))
        for write in ("jax.ref.addupdate(ref, ..., x)", "jax.ref.addupdate(ref, 1, x[0])")
    ),
    *(
        Refused(why, ValueError, _MADE.format(use), works_alone=False, needs="new_ref")
        for why, use in (
            ("one reference is two arguments", "jax.jit(lambda a, b: a[...] + b[...])(ref, ref)"),
            (
                "one reference is an argument and is used from outside",
                "jax.jit(lambda a: a[...] + ref[...])(ref)",
            ),
            (
                "one reference is two arguments, of which one is mapped",
                "jax.vmap(lambda a, b: jax.jit(lambda a, b: a[...] + b[0])(a, b), (0, None))(ref, ref)",
            ),
            ("a reference is a result of a jit", "jax.jit(lambda a: a)(ref)[...]"),
            (
                "a reference is the carry of a loop",
                "lax.scan(lambda a, _: (a, None), ref, None, length=2)[0][...]",
            ),
        )
    ),
    *(
        Refused(_VALUE, kind, source)
        for kind, source in (
            (jax.errors.TracerBoolConversionError, "x if x[0] >= 0 else -x"),
            (jax.errors.ConcretizationTypeError, "x * float(x[0])"),
            (jax.errors.TracerIntegerConversionError, "x * [1, 2, 3, 4, 5][x[0].astype(int)]"),
            (jax.errors.TracerArrayConversionError, "np.asarray(x)"),
            (jax.errors.NonConcreteBooleanIndexError, "x[x >= 0]"),
            (jax.errors.ConcretizationTypeError, "jnp.arange(x[0])"),
            (jax.errors.ConcretizationTypeError, "jnp.nonzero(x)"),
        )
    ),
    Refused(
        "a slice has a length that is known", IndexError, "x[: x[0].astype(int)]", says=("static",)
    ),
    Refused("a shape is known", TypeError, "jnp.zeros((2, x[0].astype(int)))"),
    Refused(
        "what is compiled for one type cannot be mapped",
        TypeError,
        _COMPILED,
        says=("lowered and compiled",),
    ),
    Refused(
        "it has a rule for reverse mode alone",
        TypeError,
        _FORWARD,
        works_alone=False,
        says=("forward-mode",),
    ),
    Refused(
        "examples leave the loop one by one",
        ValueError,
        _CHECKED,
        works_alone=False,
        says=("while",),
    ),
    Refused(
        "a key is used twice",
        jax.errors.KeyReuseError,
        _REUSED,
        works_alone=False,
        says=("random_bits",),
    ),
    *(Refused(why, kind, source, works_alone=False) for why, kind, source in _OF_VMAP),
    Refused("a text is no array", TypeError, "'text'"),
    Refused(
        "no map has this name",
        NameError,
        "lax.psum(x, 'j')",
        works_alone=False,
        says=("axis name: j",),
    ),
    *(
        Refused(
            _GROUPS, NotImplementedError, _INNER.format(source), False, says=("axis_index_groups",)
        )
        for source in (
            "lax.psum(y, 'i', axis_index_groups=[[0], [1]])",
            "lax.all_gather(y, 'i', axis_index_groups=[[0], [1]])",
            "lax.psum_scatter(y, 'i', axis_index_groups=[[0], [1]])",
        )
    ),
    Refused(
        "the result of the inner map is not the same for every example of it",
        ValueError,
        "jax.vmap(lambda y: y + x, out_axes=None)(jnp.arange(2.0))",
        works_alone=False,
    ),
    *(
        Refused("both must have one type", TypeError, source, works_alone=False)
        for source in (
            "lax.scan(lambda c, _: (c[:1], None), x, None, length=2)",
            "lax.cond(x[0] > 0, lambda x: x, lambda x: x[:1], x)",
            "lax.while_loop(lambda x: x[0] > 0, lambda x: x.astype(int), x)",
        )
    ),
    Refused("its rule returns another tree", TypeError, _JVP, works_alone=False),
    Refused("its rule returns another tree", TypeError, _VJP, works_alone=False),
)
"""What must raise under a map; an exception of no class of its own is told by what it says."""
_OF_SUBJECTS = {
    "softmax": (*REFUSED, *MAPS, *FUNCTIONS, *NUMPY, *OPERATIONS),
    "psum-scatter": SCATTERED,
}
"""What is mapped in the place of a subject, by its name: a call has one outcome for all of them."""


@law(
    "errors.within-the-function",
    tier="derived",
    cases=function_calls(front, front, most=1),
    only_transform="jax.vmap",
    kinds=("function", "collective"),
    where=lambda subject: subject.name in _OF_SUBJECTS,
)
def within_the_function(transform: Transform, call: FunctionCall) -> None:
    """A function that cannot be mapped, or called at all, raises under a map as is documented of it."""
    axes = call.axes[0]
    for each in _OF_SUBJECTS[call.subject_name]:
        if not each.is_there:
            continue
        got = attempt(transform.map(each.function(), axes), *GIVEN)
        says = () if lacking.is_newer() else each.says  # a newer release may say it in other words
        with attribute_to(call, each.recipe, GIVEN):
            for said in says or ("",):
                assert_raises(got, each.kind, each.why, (said,))
