"""Primitives that treat each element alike."""

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import (
    ANYTHING,
    FLOATS,
    INTEGERS,
    MN,
    NUMBERS,
    ORDERED,
    below,
    of,
    rule,
)
from reference import special

_ROUNDED = {
    "normal": "asinh atan bessel_i0e bessel_i1e cbrt cos cosh erf erfc exp exp2 expm1 logistic sin "
    "sinh tan tanh",
    "positive": "log rsqrt sqrt",
    "above-two": "digamma lgamma",
    "unit": "log1p",
    "within-one": "acos asin atanh erf_inv",
    "above-one": "acosh",
}

_SUMS = {"igamma", "igammac", "lgamma", "zeta"}
"""Sums of terms that cancel, or of many, so that more than the last roundings may differ."""
_REAL = {"bessel_i0e", "bessel_i1e", "cbrt", "digamma", "erf", "erfc", "erf_inv", "atan2"}

_ROUNDED_PAIRS = {
    "atan2": ("normal", "normal"),
    "div": ("normal", "positive"),
    "pow": ("positive", "normal"),
    "igamma": ("positive", "positive"),
    "igammac": ("positive", "positive"),
    "zeta": ("above-one", "positive"),
}


def _finer(name: str) -> tuple[str, ...]:
    """What else a function takes beside the floats that the reference bounds."""
    if name in _SUMS:
        return ()
    return ("float64",) if name in _REAL else ("float64", "complex64", "complex128")


def _exact(name: str, source: str, *kinds: str, **options: object) -> FunctionSubject:
    arguments = [of(kind, *MN) for kind in kinds]
    return rule(name, source, *arguments, exact=True, **options)  # type: ignore[arg-type]


def _compares(name: str) -> FunctionSubject:
    return _exact(name, f"lax.{name}(a, b)", "few", "few", dtypes=ORDERED)


def _bitwise(name: str) -> FunctionSubject:
    both = (*INTEGERS, "bool")
    return _exact(name, f"lax.bitwise_{name}(a, b)", "normal", "normal", dtypes=both)


ELEMENTWISE = (
    *(
        rule(name, f"lax.{name}(a)", of(kind, *MN), dtypes=(*FLOATS, *_finer(name)))
        for kind, names in _ROUNDED.items()
        for name in names.split()
    ),
    *(
        rule(
            name,
            f"lax.{name}(a, b)",
            *(of(first, *MN), of(second, *MN)),
            dtypes=("float32", *_finer(name)),
        )
        for name, (first, second) in _ROUNDED_PAIRS.items()
    ),
    rule("log2", "lax.log2(a)", of("positive", *MN)),
    rule("polygamma", "lax.polygamma(jnp.floor(a), b)", of("above-one", *MN), of("positive", *MN)),
    rule(
        "regularized_incomplete_beta",
        "lax.betainc(a, b, c)",
        *(of(kind, *MN) for kind in ("positive", "positive", "unit")),
    ),
    rule(
        "random_gamma_grad",
        "lax.random_gamma_grad(a, b)",
        *(of("positive", *MN) for _ in "ab"),
        answer=special.sample_slope,
    ),
    rule(
        "igamma_grad_a",
        "lax.igamma_grad_a(a, b)",
        *(of("positive", *MN) for _ in "ab"),
        answer=special.order_slope,
    ),
    rule("clamp", "lax.clamp(a, b, c)", of("within-one"), of("normal", *MN), of("above-one")),
    _exact(
        "clamp.array", "lax.clamp(a, b, c)", "few", "normal", "whole", dtypes=("float32", "int32")
    ),
    *(
        _exact(name, f"lax.{name}(a)", "normal", dtypes=FLOATS, edge_values=True)
        for name in ("abs", "neg", "floor", "ceil")
    ),
    _exact("is_finite", "lax.is_finite(a)", "holes", dtypes=FLOATS),
    _exact("abs.integer", "lax.abs(a)", "normal", dtypes=("int32", "int8", "int16")),
    _exact("sign", "lax.sign(a)", "normal", dtypes=("float32", "int32", "bfloat16")),
    _exact("round", "lax.round(a, lax.RoundingMethod.TO_NEAREST_EVEN)", "normal", dtypes=FLOATS),
    _exact("not", "lax.bitwise_not(a)", "normal", dtypes=(*INTEGERS, "bool")),
    _exact("population_count", "lax.population_count(a)", "normal", dtypes=INTEGERS),
    _exact("clz", "lax.clz(a)", "normal", dtypes=INTEGERS),
    _exact("square", "lax.square(a)", "whole", dtypes=NUMBERS),
    _exact("one_minus_square", "lax.one_minus_square(a)", "whole"),
    rule("polynomial", "lax.polynomial(a, (b, a, b))", of("few", *MN), of("few", *MN), exact=True),
    _exact("integer_pow", "lax.integer_pow(a, 3)", "few", dtypes=("float32", "int32")),
    _exact("real", "lax.real(a)", "normal", dtypes=("complex64",)),
    _exact("imag", "lax.imag(a)", "normal", dtypes=("complex64",)),
    _exact("conj", "lax.conj(a)", "normal", dtypes=("complex64",)),
    _exact("complex", "lax.complex(a, b)", "normal", "normal"),
    _exact("copy", "lax.copy_p.bind(a)", "normal", dtypes=ANYTHING),
    _exact("convert_element_type", "a.astype(jnp.int32)", "normal", dtypes=FLOATS),
    _exact("convert_element_type.narrow", "a.astype(jnp.bfloat16)", "normal"),
    _exact(
        "bitcast_convert_type",
        "lax.bitcast_convert_type(a, jnp.int32)",
        "normal",
        dtypes=("float32", "uint32"),
    ),
    _exact("bitcast_convert_type.split", "lax.bitcast_convert_type(a, jnp.uint8)", "normal"),
    _exact("reduce_precision", "lax.reduce_precision(a, 5, 10)", "normal"),
    *(
        _exact(name, f"lax.{name}(a, b)", "whole", "whole", dtypes=NUMBERS)
        for name in ("add", "sub", "mul")
    ),
    _exact("add_any", "jax.grad(lambda x: jnp.sum(x * b + x * x))(a)", "whole", "whole"),
    rule(
        "add_any.two-axes",
        # One of the two has the examples behind, after a product with a matrix.
        "matrix = jnp.arange(9, dtype=a.dtype).reshape(3, 3)\n"
        "return jax.grad(lambda x: jnp.vdot(x, matrix @ b) + jnp.sum(x * x))(a)",
        *(of("whole", 3), of("whole", 3)),
        exact=True,
    ),
    _exact("mulhi", "lax.mulhi(a, b)", "bits", "bits", dtypes=("uint32",)),
    _exact("max", "lax.max(a, b)", "normal", "normal", dtypes=ORDERED),
    _exact("min", "lax.min(a, b)", "normal", "normal", dtypes=ORDERED),
    _exact("rem", "lax.rem(a, b)", "whole", "whole", dtypes=("int32", "float32", "int8")),
    _exact("nextafter", "lax.nextafter(a, b)", "normal", "normal"),
    *map(_compares, ("eq", "ne", "lt", "le", "gt", "ge")),
    *map(_bitwise, ("and", "or", "xor")),
    *(
        _exact(name, f"lax.{name}(a, b)", "normal", "small", dtypes=INTEGERS)
        for name in ("shift_left", "shift_right_arithmetic", "shift_right_logical")
    ),
    rule(
        "select_n",
        "lax.select_n(a, b, c, b + c)",
        *(below(3, *MN), of("whole", *MN), of("whole", *MN)),
        exact=True,
    ),
    rule(
        "select_n.scalar",
        "lax.select_n(a, b, c)",
        *(of("normal", dtype="bool"), of("normal", *MN), of("normal", *MN)),
        dtypes=ANYTHING,
        exact=True,
    ),
)
