"""Reductions, running reductions, sorting, and what finds the largest."""

from properties.subjects.batching_rules.entry import MN, ORDERED, SIGNED, SUMMED, of, rule

_BITS = ("int32", "uint8", "bool")

REDUCTIONS = (
    rule(
        "reduce_sum",
        "jnp.sum(a, axis=0)",
        of("whole", *MN),
        dtypes=SUMMED,
        exact=True,
    ),
    rule("reduce_sum.all", "jnp.sum(a)", of("whole", "m", "k", "n"), exact=True),
    rule("reduce_sum.rounded", "jnp.sum(a, axis=1)", of("normal", *MN)),
    rule(
        "reduce_prod",
        "jnp.prod(a, axis=1)",
        of("few", *MN),
        dtypes=SIGNED,
        exact=True,
    ),
    rule("reduce_max", "jnp.max(a, axis=0)", of("normal", *MN), dtypes=ORDERED, exact=True),
    rule("reduce_min", "jnp.min(a, axis=1)", of("normal", *MN), dtypes=ORDERED, exact=True),
    rule(
        "reduce_and",
        "lax.reduce(a, np.array(-1).astype(a.dtype), lax.bitwise_and, (0,))",
        of("normal", *MN),
        dtypes=_BITS,
        exact=True,
    ),
    rule(
        "reduce_or",
        "lax.reduce(a, np.array(0).astype(a.dtype), lax.bitwise_or, (0,))",
        of("normal", *MN),
        dtypes=_BITS,
        exact=True,
    ),
    rule(
        "reduce_xor",
        "lax.reduce(a, np.array(0).astype(a.dtype), lax.bitwise_xor, (0,))",
        of("normal", *MN),
        dtypes=_BITS,
        exact=True,
    ),
    # As Flax writes layer normalisation. XLA replaces the whole of it by a kernel on some platforms.
    rule(
        "rsqrt.layer-norm",
        """
        mean = jnp.mean(a, axis=-1)
        variance = jnp.maximum(0.0, jnp.mean(a * a, axis=-1) - mean * mean)
        factor = lax.rsqrt(variance[:, None] + 1e-6) * b.reshape(1, -1)
        return (a - mean[:, None]) * factor + c.reshape(1, -1)
        """,
        of("normal", *MN),
        of("normal", "n"),
        of("normal", "n"),
    ),
    rule(
        "argmax", "lax.argmax(a, 0, jnp.int32)", of("distinct", *MN), dtypes=ORDERED[:2], exact=True
    ),
    rule(
        "argmin", "lax.argmin(a, 1, jnp.int32)", of("distinct", *MN), dtypes=ORDERED[:2], exact=True
    ),
    rule(
        "reduce",
        "lax.reduce(a, np.float32(-9), lambda x, y: jnp.where(x > y, x, y), (0,))",
        of("normal", *MN),
        exact=True,
    ),
    rule(
        "reduce.initial",
        "lax.reduce(a, b, lambda x, y: jnp.where(x > y, x, y), (1,))",
        of("normal", *MN),
        of("normal"),
        exact=True,
    ),
    rule(
        "reduce.several",
        "lax.reduce((a, b), (np.float32(0), np.float32(0)),"
        " lambda x, y: (x[0] + y[0], x[1] + y[1]), (0,))",
        of("whole", *MN),
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "cumsum",
        "lax.cumsum(a, 0)",
        of("whole", *MN),
        dtypes=SIGNED,
        exact=True,
    ),
    rule("cumsum.rounded", "lax.cumsum(a, 1, reverse=True)", of("normal", *MN)),
    rule(
        "cumprod",
        "lax.cumprod(a, 1)",
        of("few", *MN),
        dtypes=SIGNED,
        exact=True,
    ),
    rule("cummax", "lax.cummax(a, 0, reverse=True)", of("normal", *MN), dtypes=ORDERED, exact=True),
    rule("cummin", "lax.cummin(a, 1)", of("normal", *MN), dtypes=ORDERED, exact=True),
    rule("cumlogsumexp", "lax.cumlogsumexp(a, 0)", of("normal", *MN)),
    rule("sort", "lax.sort(a, dimension=0)", of("normal", *MN), dtypes=ORDERED, exact=True),
    rule(
        "sort.several",
        "lax.sort((a, b, c), dimension=1, num_keys=2)",
        of("few", *MN),
        of("distinct", *MN),
        of("normal", *MN),
        exact=True,
    ),
    rule("top_k", "lax.top_k(a, 2)", of("distinct", "m", 5), dtypes=ORDERED[:2], exact=True),
    rule("approx_top_k", "lax.approx_max_k(a, 2)", of("distinct", "m", 5), exact=True),
    rule(
        "searchsorted",
        "jnp.searchsorted(jnp.sort(a), b)",
        of("distinct", 7),
        of("normal", "m"),
        exact=True,
    ),
    rule(
        "lt_to",
        "jnp.searchsorted(jnp.sort(a), b, side='right')",
        of("distinct", 7),
        of("normal", "m"),
        exact=True,
    ),
    rule(
        "eq_to",
        "jnp.searchsorted(jnp.sort(a), b, method='scan')",
        of("distinct", 7, dtype="complex64"),
        of("distinct", "m", dtype="complex64"),
        exact=True,
    ),
)
