"""Windows, convolutions and products of matrices."""

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import SUMMED, below, of, rule

_WINDOW = "(2, 3), (1, 2), ((0, 1), (1, 0))"


def _convolution(
    name: str, image: tuple[int, ...], kernel: tuple[int, ...], options: str
) -> FunctionSubject:
    return rule(
        f"conv_general_dilated{name}",
        f"lax.conv_general_dilated(a, b, {options})",
        of("whole", *image),
        of("whole", *kernel),
        exact=True,
    )


WINDOWS = (
    rule(
        "reduce_window_sum",
        f"lax.reduce_window(a, np.float32(0), lax.add, {_WINDOW})",
        of("whole", 5, 4),
        exact=True,
    ),
    rule(
        "reduce_window_max",
        f"lax.reduce_window(a, np.float32(-np.inf), lax.max, {_WINDOW})",
        of("normal", 5, 4),
        exact=True,
    ),
    rule(
        "reduce_window_min",
        f"lax.reduce_window(a, np.float32(np.inf), lax.min, {_WINDOW}, window_dilation=(2, 1))",
        of("normal", 5, 4),
        exact=True,
    ),
    rule(
        "reduce_window",
        "lax.reduce_window(a, np.float32(-9), lambda x, y: jnp.where(x > y, x, y),"
        f" {_WINDOW}, base_dilation=(1, 2))",
        of("normal", 5, 4),
        exact=True,
    ),
    rule(
        "select_and_scatter_add",
        "jax.grad(lambda x: jnp.sum(b * lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 2), 'VALID')))(a)",
        of("distinct", 5, 4),
        of("whole", 4, 2),
        exact=True,
    ),
    rule(
        "select_and_gather_add",
        "jax.jvp(lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 2), 'VALID'), (a,), (b,))[1]",
        of("distinct", 5, 4),
        of("whole", 5, 4),
        exact=True,
    ),
    _convolution("", (2, 3, 5), (4, 3, 2), "(1,), 'VALID'"),
    _convolution(".strided", (2, 3, 6), (4, 3, 2), "(2,), ((1, 0),), (2,), (1,)"),
    _convolution(".dilated-kernel", (2, 3, 6), (4, 3, 2), "(1,), ((1, 2),), None, (2,)"),
    _convolution(
        ".features-last", (2, 5, 3), (2, 3, 4), "(1,), 'SAME', None, None, ('NHC', 'HIO', 'NHC')"
    ),
    _convolution(".feature-groups", (2, 6, 5), (4, 3, 2), "(1,), 'SAME', feature_group_count=2"),
    _convolution(".depthwise", (2, 3, 5), (6, 1, 2), "(1,), 'SAME', feature_group_count=3"),
    _convolution(".batch-groups", (4, 3, 5), (6, 3, 2), "(1,), 'SAME', batch_group_count=2"),
    _convolution(
        ".batch-groups-of-one",
        *((2, 5, 4), (3, 4, 4)),
        "(1,), 'SAME', None, None, ('NHC', 'HIO', 'NHC'), batch_group_count=2",
    ),
    _convolution(".plane", (2, 3, 4, 5), (2, 3, 2, 3), "(1, 2), 'SAME'"),
    rule(
        "dot_general",
        "lax.dot_general(a, b, (((1,), (0,)), ((), ())))",
        of("whole", "m", "k"),
        of("whole", "k", "n"),
        dtypes=SUMMED,
        exact=True,
    ),
    rule(
        "dot_general.rounded",
        "lax.dot_general(a, b, (((0,), (1,)), ((), ())))",
        of("normal", "k", "m"),
        of("normal", "n", "k"),
    ),
    rule(
        "dot_general.batch",
        "lax.dot_general(a, b, (((2,), (0,)), ((0,), (2,))))",
        of("whole", "l", "m", "k"),
        of("whole", "k", "n", "l"),
        exact=True,
    ),
    rule(
        "dot_general.two-contracted",
        "lax.dot_general(a, b, (((0, 2), (1, 0)), ((), ())))",
        of("whole", "k", "m", "l"),
        of("whole", "l", "k"),
        exact=True,
    ),
    # As layers of mixed precision compute: small whole numbers are exact in bfloat16, too.
    rule(
        "dot_general.mixed",
        "(a.astype(jnp.bfloat16) @ b.astype(jnp.bfloat16)).astype(jnp.float32)",
        of("few", "m"),
        of("few", "m", "n"),
        exact=True,
    ),
    rule("dot_general.outer", "jnp.outer(a, b)", of("whole", "m"), of("whole", "n"), exact=True),
    rule(
        "dot_general.wider",
        "lax.dot_general(a, b, (((1,), (0,)), ((), ())), preferred_element_type=jnp.float32)",
        of("whole", "m", "k", dtype="bfloat16"),
        of("whole", "k", "n", dtype="bfloat16"),
        exact=True,
    ),
    rule(
        "scaled_dot",
        "lax.scaled_dot(a, b, lhs_scale=c, rhs_scale=d, preferred_element_type=jnp.float32)",
        of("whole", "m", 8, dtype="bfloat16"),
        of("whole", 8, "n", dtype="bfloat16"),
        of("whole", "m", 2, dtype="bfloat16"),
        of("whole", 2, "n", dtype="bfloat16"),
        exact=True,
    ),
    rule(
        "scaled_matmul_wrapper",
        """
if jax.__version_info__ < (0, 11) or jax.default_backend() != "cpu":
    raise NotImplementedError("it runs on a CPU since jax 0.11, and on the newest GPUs")
return jax.nn.scaled_matmul(a, b, c, d)""",
        of("whole", 1, "m", 64, dtype="float8_e4m3fn"),
        of("whole", 1, "n", 64, dtype="float8_e4m3fn"),
        of("positive", 1, "m", 2, dtype="float8_e8m0fnu"),
        of("positive", 1, "n", 2, dtype="float8_e8m0fnu"),
        exact=True,
    ),
    rule(
        "ragged_dot_general",
        "lax.ragged_dot(a, b, c)",
        of("whole", 6, "k"),
        of("whole", 3, "k", "n"),
        below(3, 3),
        exact=True,
    ),
    rule("fft", "jnp.fft.fft(a, axis=0)", of("whole", 4, "n", dtype="complex64"), exact=True),
    rule("fft.plane", "jnp.fft.rfft2(a)", of("whole", 3, 2, 4), exact=True),
)
