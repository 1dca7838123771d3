"""Functions that ask for what no value shows on a CPU: a precision, an algorithm, a promise of indices."""

import attrs

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule

_CONVOLUTIONS = """
def convolve(x, kernel, **groups):
    return lax.conv_general_dilated(
        x, kernel, (1,), 'SAME', precision='highest', preferred_element_type=jnp.float32, **groups
    )

return (
    convolve(a, b),
    convolve(a, b[:, :2], feature_group_count=3),
    convolve(a, b, batch_group_count=2),
)
"""
_PRODUCTS = """
products = (
    lax.dot_general(a, b, (((1,), (0,)), ((), ())), precision='highest', preferred_element_type=jnp.float32),
    lax.dot_general(a, a, (((1,), (1,)), ((0,), (0,))), precision=('high', 'highest')),
)
if not hasattr(lax, 'DotAlgorithmPreset'):
    return products
return *products, lax.dot(a, b, precision=lax.DotAlgorithmPreset.BF16_BF16_F32)
"""
_ACCURACIES = """
exact = [lax.cbrt, lax.cos, lax.exp, lax.exp2, lax.expm1, lax.log, lax.log1p, lax.logistic, lax.rsqrt,
         lax.sin, lax.sqrt, lax.tan, lax.tanh]
return [each(a, accuracy=lax.AccuracyMode.HIGHEST) for each in exact]
"""
_DECOMPOSITIONS = """
linalg = lax.linalg
return (
    linalg.eigh(a, symmetrize_input=False, implementation=linalg.EighImplementation.QR),
    linalg.svd(a, algorithm=linalg.SvdAlgorithm.QR),
    linalg.eig(a, implementation=linalg.EigImplementation.LAPACK),
)
"""
_INDEXED = "a[b], a.at[b].set(c[0]), a.at[b].add(c), a.at[b].max(c), a.at[b].multiply(c)"
_LOOPS = """
kept = jax.checkpoint(
    lambda x: jnp.sin(x) * x, prevent_cse=False, policy=jax.checkpoint_policies.dots_saveable
)
return (
    lax.scan(lambda carry, x: (carry + x, carry * x), b, a, unroll=3),
    lax.fori_loop(0, 4, lambda i, x: x * b, b, unroll=2),
    kept(a),
    jax.jit(lambda x: 2 * x, keep_unused=True)(a),
)
"""

_ENTRIES = (
    rule(
        "conv_general_dilated.options",
        _CONVOLUTIONS,
        *(of("whole", 4, 6, 5, dtype="bfloat16"), of("whole", 6, 6, 2, dtype="bfloat16")),
    ),
    rule("dot_general.options", _PRODUCTS, of("normal", 3, 4), of("normal", 4, 2)),
    rule("exp.options", _ACCURACIES, of("normal", 3)),
    rule("eigh.options", _DECOMPOSITIONS, of("normal", 3, 3)),
    rule("gather.options", _INDEXED, of("whole", 5), below(5, 3), of("whole", 3)),
    rule("scan.options", _LOOPS, of("normal", 3), of("normal")),
    rule(
        "sort.options",
        "lax.sort((a, 2 * a), is_stable=False, num_keys=1), "
        "lax.approx_max_k(a, 2, recall_target=0.8, aggregate_to_topk=False)",
        of("normal", 5),
    ),
)
OPTIONS: tuple[FunctionSubject, ...] = tuple(attrs.evolve(each, kind="option") for each in _ENTRIES)
