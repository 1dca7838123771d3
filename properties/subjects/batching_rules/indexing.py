"""Gathers, scatters and dynamic slices, their indices mapped and not."""

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import ANYTHING, MN, SIGNED, below, of, rule

_SCATTERS = {
    "scatter": "lax.scatter",
    "scatter-add": "lax.scatter_add",
    "scatter-mul": "lax.scatter_mul",
    "scatter-min": "lax.scatter_min",
    "scatter-max": "lax.scatter_max",
    "scatter-sub": "lax.scatter_sub",
}


def _scatters(name: str, function: str) -> tuple[FunctionSubject, ...]:
    """Rows anywhere, in range or clipped or dropped; single elements; windows with a batching dimension."""
    # Where rows overlap, only what commutes has one answer.
    rows = "jnp.argsort(b)" if name == "scatter" else "b"
    dimensions = "lax.ScatterDimensionNumbers((1,), (0,), (0,))"
    options = f"{dimensions}, mode='clip'" if name == "scatter-add" else dimensions
    elements = "lax.ScatterDimensionNumbers((), (0, 1), (0, 1))"
    places = "jnp.stack([jnp.arange(3), b], 1)"
    return (
        rule(
            name,
            f"{function}(a, {rows}[:, None], c, {options})",
            *(of("few", 3, "n"), below(4, 3), of("few", 3, "n")),
            dtypes=SIGNED,
            exact=True,
        ),
        rule(
            f"{name}.elements",
            f"{function}(a, {places}, c, {elements}, mode='drop', unique_indices=True)",
            *(of("few", 3, "n"), below("n", 3), of("few", 3)),
            exact=True,
        ),
    )


def _gather(name: str, source: str, *arrays: Array) -> FunctionSubject:
    return rule(f"gather{name}", source, *arrays, dtypes=ANYTHING, exact=True)


INDEXING = (
    _gather("", "jnp.asarray(a)[b]", of("normal", *MN), below("m", "k")),
    _gather(".columns", "jnp.asarray(a)[:, b]", of("normal", *MN), below("n", "k")),
    _gather(".pairs", "jnp.asarray(a)[b, c]", of("normal", *MN), below("m", "k"), below("n", "k")),
    _gather(".along", "jnp.take_along_axis(a, b, 1)", of("normal", "m", 4), below(4, "m", 2)),
    _gather(".clipped", "jnp.take(a, b, axis=0, mode='clip')", of("normal", 3, "n"), below(9, "k")),
    rule(
        "gather.filled",
        "jnp.take(a, b, axis=0, mode='fill', fill_value=7)",
        of("normal", 3, "n"),
        below(6, "k"),
        dtypes=SIGNED,
        exact=True,
    ),
    _gather(".negative", "jnp.asarray(a)[-b - 1]", of("normal", 4, "n"), below(4, "k")),
    _gather(".bytes", "jnp.asarray(a)[b]", of("normal", 5, "n"), below(5, "k", dtype="uint8")),
    _gather(
        ".window",
        "lax.gather(a, b[:, None], lax.GatherDimensionNumbers((1, 2), (), (0,)), (2, 2))",
        of("normal", 5, 2),
        below(4, "k"),
    ),
    _gather(".scalar", "jnp.asarray(a)[b]", of("normal", *MN), below("m")),
    *(each for name, function in _SCATTERS.items() for each in _scatters(name, function)),
    _gather(".twice", "jnp.asarray(a)[b, :][c]", of("normal", *MN), below("m"), below("n")),
    rule(
        "dynamic_slice",
        "lax.dynamic_slice(a, (b, c), (2, 3))",
        *(of("normal", 5, 4), below(7, dtype="int32"), below(3)),
        dtypes=ANYTHING,
        exact=True,
    ),
    rule(
        "dynamic_slice.fixed-start",
        "lax.dynamic_slice(a, (b, 1), (3, 2))",
        *(of("normal", 5, 4), below(5)),
        exact=True,
    ),
    rule(
        "dynamic_update_slice",
        "lax.dynamic_update_slice(a, b, (c, d))",
        *(of("normal", 5, 4), of("normal", 2, 3), below(7), below(3)),
        dtypes=ANYTHING,
        exact=True,
    ),
)
