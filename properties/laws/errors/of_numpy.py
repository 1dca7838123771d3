"""Functions of `jax.numpy`, `jax.random` and `jax.tree` that are given something wrong."""

from properties.laws.errors.refused import Entry, refusals

_SAID = (0, 10)
_SAID_OF_TREES = (0, 10, 2)
"""Releases that say so; some before say it otherwise."""
_DTYPE = "it draws of another kind of numbers"
_KEY = "it takes one key"
_SQUARE = "the matrix is not square"
_AXES = "the axes do not fit"
_SHAPES = "the shapes do not fit"
_COMPLEX = "complex numbers have no order"
_KINDS = "it takes numbers of another kind"
_WORDS = "there is no such way"
_TREES = "the trees differ"
_OF_DRAWS = tuple(
    (_DTYPE, ValueError, f"jax.random.{call}, dtype=int)", (f"`{name}`", "got int32"))
    for name, call in (
        ("uniform", "uniform(jax.random.key(0)"),
        ("normal", "normal(jax.random.key(0)"),
        ("gamma", "gamma(jax.random.key(0), 1.0"),
        ("beta", "beta(jax.random.key(0), 1.0, 1.0"),
        ("binomial", "binomial(jax.random.key(0), 3, 0.5"),
    )
)
_OF_RANDOM = (
    *_OF_DRAWS,
    (
        _DTYPE,
        TypeError,
        "jax.random.randint(jax.random.key(0), (), 0, 1, dtype=float)",
        ("got float32",),
    ),
    (
        _KEY,
        ValueError,
        "jax.random.uniform(jax.random.split(jax.random.key(0)))",
        ("uniform", "shape (2,)"),
    ),
    (_KEY, TypeError, "jax.random.fold_in(jax.random.key(0), x)", ("fold_in", "shape (2,)")),
    (_KEY, TypeError, "jax.random.split(x)", ("got dtype=float32",)),
    (
        "there are fewer",
        ValueError,
        "jax.random.choice(jax.random.key(0), x, (5,), False)",
        ("size 5", "size 2"),
    ),
    (
        _SHAPES,
        ValueError,
        "jax.random.multivariate_normal(jax.random.key(0), x, x)",
        ("cov.ndim == 1",),
    ),
)
_WIDE = "jnp.ones((2, 3))"
_OF_MATRICES = (
    (_SQUARE, ValueError, f"jnp.linalg.slogdet({_WIDE})", ("slogdet", "(2, 3)")),
    (_SQUARE, ValueError, f"jnp.linalg.det({_WIDE})", ("det()", "(2, 3)")),
    (_SQUARE, ValueError, f"jnp.linalg.inv({_WIDE})", ("inv", "(2, 3)")),
    (
        _SQUARE,
        ValueError,
        f"lax.linalg.triangular_solve({_WIDE}, {_WIDE})",
        ("triangular_solve", "(2, 3)"),
    ),
    (_SHAPES, ValueError, "jnp.linalg.solve(jnp.ones((2, 2)), jnp.ones(3))", ("'m': 3 vs 2",)),
    (_WORDS, ValueError, "jnp.linalg.norm(x, ord='other')", ("'other'",)),
    (
        _AXES,
        ValueError,
        "jnp.trace(jnp.ones((2, 3, 2)), axis1=1, axis2=-2)",
        ("axis1=1", "axis2=-2"),
    ),
    (_AXES, ValueError, "jnp.triu_indices_from(x)", ("2-D",)),
    (_AXES, ValueError, "jnp.tril_indices_from(jnp.ones((2, 2, 2)))", ("2-D",)),
    (_AXES, ValueError, "jnp.tril(x)", ("tril", "2D")),
    (_AXES, ValueError, "jnp.diagonal(x)", ("two dimensions",)),
    (_AXES, ValueError, "jnp.cross(jnp.ones(4), jnp.ones(4))", ("cross product",)),
)
_OF_ARRAYS = (
    (_COMPLEX, ValueError, "jnp.clip(x + 1j)", ("complex",)),
    (_COMPLEX, ValueError, "jnp.hypot(x, x + 1j)", ("complex",)),
    (_COMPLEX, TypeError, "jnp.floor_divide(x + 1j, 1)", ("floor_divide", "complex")),
    (_KINDS, ValueError, "jnp.fft.rfft(x + 1j)", ("real",)),
    (_KINDS, TypeError, "jnp.packbits(x)", ("integer or boolean",)),
    (_KINDS, TypeError, "jnp.bincount(x)", ("bincount", "got float32")),
    (_KINDS, TypeError, "jnp.sin([x, x])", ("sin", "<class 'list'> at position 0")),
    (_KINDS, TypeError, "jnp.add(x, [1, 2])", ("add", "<class 'list'> at position 1")),
    (_SHAPES, TypeError, "jnp.reshape(x, (3,))", ("(2,)", "(3,)")),
    (_SHAPES, TypeError, "jnp.reshape(x, (-1, -1))", ("(-1, -1)",)),
    (_SHAPES, ValueError, "jnp.interp(x, x, jnp.ones(3))", ("equal size",)),
    (_SHAPES, ValueError, "jnp.split(jnp.ones(5), 2)", ("rest is 1",)),
    (_SHAPES, ValueError, "jnp.ones((3, 3), 'int8').view('int16')", ("divisor",)),
    (_AXES, ValueError, "jnp.sum(x, axis=(0, 0))", ("(0, 0)",)),
    (_AXES, ValueError, "jnp.moveaxis(x, 0, 3)", ("axis 3", "dimension 1")),
    (_AXES, ValueError, "jnp.fft.fftn(x, axes=(0, 0))", ("(0, 0)",)),
    (_AXES, ValueError, "jax.nn.softmax(x, axis=3)", ("axis 3",)),
    ("there is nothing", ValueError, "jnp.max(x[:0])", ("zero-size", "max")),
    ("there is nothing", ValueError, "jnp.argmax(x[:0])", ("argmax", "empty")),
    (_WORDS, ValueError, "jnp.searchsorted(x, x, side='mid')", ("side='mid'",)),
    (_WORDS, NotImplementedError, "jnp.pad(x, 1, mode='bad')", ("'bad'",)),
    (_WORDS, ValueError, "jnp.percentile(x, 50, method='bad')", ("method",)),
    (_SHAPES, ValueError, "jnp.einsum('i,i->j', x, x)", ("'j'",)),
    (
        "there are too many to count",
        ValueError,
        "jax.eval_shape(lambda y: lax.top_k(y, 1), jax.ShapeDtypeStruct((2**31 + 1,), 'bfloat16'))",
        ("int32", "(2147483649,)"),
    ),
    (
        _SHAPES,
        ValueError,
        "jnp.vectorize(jnp.dot, signature='(n),(n)->()')(x, jnp.ones(3))",
        ("'n': 3 vs 2",),
    ),
)
_OF_TREES = (
    (_TREES, ValueError, "jax.tree.map(lambda y, z: y, (x,), (x, x))", ("length 1", "length 2")),
    (_TREES, ValueError, "jax.tree.map(lambda y, z: y, {'{y}': x}, {'{z}': x})", ("('{y}',)",)),
    (
        _TREES,
        ValueError,
        "jax.tree.map(lambda y, z: y, {'{y}': (x,)}, {'{y}': [x]})",
        ("['{y}']", "list"),
    ),
    (
        _TREES,
        ValueError,
        "jax.tree.unflatten(jax.tree.structure((1, 2)), [x])",
        ("expected 2, got 1",),
    ),
)
_ENTRIES: tuple[Entry, ...] = tuple(
    (*each, since)
    for entries, since in (
        ((*_OF_RANDOM, *_OF_MATRICES, *_OF_ARRAYS), _SAID),
        (_OF_TREES, _SAID_OF_TREES),
    )
    for each in entries
)
NUMPY = refusals(_ENTRIES)
