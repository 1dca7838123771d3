"""Maps and loops that are given something wrong: the message names what is wrong."""

from properties.laws.errors.refused import Entry, refusals

_SIZES = "the sizes of the mapped axes differ"
_PREFIX = "axes are no prefix of the tree"
_OF_MAPS: tuple[Entry, ...] = (
    (
        _SIZES,
        ValueError,
        "jax.vmap(lambda one, other: one)(x, jnp.ones(5))",
        (
            "one axis had size 2: axis 0 of argument one of type float32[2]",
            "one axis had size 5: axis 0 of argument other of type float32[5]",
        ),
    ),
    (
        _SIZES,
        ValueError,
        "jax.vmap(lambda one, other: one, (1, 0))(jnp.ones((4, 6)), jnp.ones((5, 2)))",
        ("size 6: axis 1 of argument one of", "size 5: axis 0 of argument other of"),
    ),
    (
        _SIZES,
        ValueError,
        "jax.vmap(lambda one, tree: one)(x, {'left': x, 'right': [x, jnp.ones((5, 3))]})",
        (
            "most axes (3 of them) had size 2, e.g. axis 0 of argument one",
            "one axis had size 5: axis 0 of argument tree['right'][1] of type float32[5,3]",
        ),
    ),
    (
        _SIZES,
        ValueError,
        (
            "jax.vmap(lambda first, second, third, fourth: first, (0, None, 0, 0))("
            "jnp.ones(3), x, jnp.ones(7), jnp.ones((7, 3)))"
        ),
        (
            "one axis had size 3: axis 0 of argument first",
            "(2 of them) had size 7, e.g. axis 0 of argument third",
        ),
    ),
    (
        _SIZES,
        ValueError,
        (
            "jax.vmap(lambda *many: many[0])("
            "*[x] * 2, *[jnp.ones(7)] * 2, *[jnp.ones((6, 1))] * 3, jnp.ones(5))"
        ),
        (
            "most axes (3 of them) had size 6, e.g. axis 0 of ",
            "some axes (2 of them) had size 2, e.g. axis 0 of ",
            "some axes (2 of them) had size 7, e.g. axis 0 of ",
            "one axis had size 5: axis 0 of ",
            "[7] of type float32[5]",
        ),
        # Before, JAX raised IndexError where arguments have no names.
        (0, 6),
    ),
    (
        _SIZES,
        ValueError,
        "jax.vmap(lambda one, **more: one)(x, extra=x, wrong=jnp.ones((6, 2)))",
        ("most axes (2 of them) had size 2", "size 6: axis 0 of", "['wrong'] of type float32[6,2]"),
    ),
    (
        _SIZES,
        ValueError,
        "jax.eval_shape(jax.jit(jax.vmap(lambda one, other: one)), x, jnp.ones(5))",
        ("size 2: axis 0 of argument one", "size 5: axis 0 of argument other"),
    ),
    (
        "the axis is out of range",
        ValueError,
        "jax.vmap(lambda one, other: one, (None, 3))(x, jnp.ones((4, 6)))",
        ("along axis 3", "at least 4, but is only 2 (its shape is (4, 6))"),
    ),
    (
        "the axis is out of range",
        ValueError,
        "jax.vmap(lambda one, other: one, (0, -3))(x, jnp.ones((4, 6)))",
        ("along axis -3", "at least 3, but is only 2 (its shape is (4, 6))"),
    ),
    (
        "`axis_size` is another",
        ValueError,
        "jax.vmap(lambda one: one, axis_size=7)(x)",
        ("the `axis_size` argument was 7", "one axis had size 2: axis 0 of argument one"),
        (0, 10),
    ),
    (
        "a number has no axis, whatever the `axis_size` is",
        ValueError,
        "jax.vmap(lambda one: one, axis_size=2)(1.0)",
        ("along axis 0", "at least 1, but is only 0"),
        (0, 10),
    ),
    ("nothing is mapped", ValueError, "jax.vmap(lambda y: y, (None,))(x)", ("in_axes",)),
    (
        _PREFIX,
        ValueError,
        "jax.vmap(lambda y, z: y, (0, {'a': 0}))(x, {'a': x, 'b': x})",
        ("vmap in_axes specification must be a tree prefix",),
    ),
    (
        _PREFIX,
        ValueError,
        "jax.vmap(lambda y: (y, y), out_axes=(0, 0, 0))(x)",
        ("vmap out_axes specification must be a tree prefix",),
    ),
    (
        "there is one argument",
        ValueError,
        "jax.vmap(lambda y: y, in_axes=[0, 0, 0])(x)",
        ("len(in_axes)=3, len(args)=1",),
    ),
    (
        "the result has no such axis",
        ValueError,
        "jax.vmap(lambda y: y, out_axes=3)(jnp.ones((4, 5)))",
        ("axis 3 is out of bounds for array of dimension 2",),
    ),
    (
        "a text is no axis",
        TypeError,
        "jax.vmap(lambda y: y, in_axes='last')(x)",
        ("vmap in_axes must be an int, None, or a tuple", "but got last"),
    ),
    (
        "a text is no axis",
        TypeError,
        "jax.vmap(lambda y: y, out_axes='last')(x)",
        ("vmap out_axes must be an int, None, or", "but got last"),
    ),
    (
        "the result is mapped",
        ValueError,
        "jax.vmap(lambda y: y, out_axes=None, axis_name='members')(x)",
        ("vmap has mapped output", "members", "but out_axes is None"),
    ),
    ("a number is no function", TypeError, "jax.vmap(5)(x)", ("Expected a callable value, got 5",)),
    ("a number is no function", TypeError, "jax.jit(5)", ("Expected a callable value, got 5",)),
)
_CARRY = "the carry changes"
_BRANCHES = "both branches must give the same"
_OF_LOOPS: tuple[Entry, ...] = (
    (
        _SIZES,
        ValueError,
        "lax.scan(lambda c, y: (c, y), x, (x, jnp.ones(5)))",
        ("different leading axis sizes: 2, 5",),
    ),
    (
        _SIZES,
        ValueError,
        "lax.map(lambda y: y[0], (x, jnp.ones(5)))",
        ("different leading axis sizes: 2, 5",),
    ),
    (
        "the length is another",
        ValueError,
        "lax.scan(lambda c, y: (c, y), x, x, length=9)",
        ("`length` argument of 9 which disagrees with leading axis sizes [2]",),
        # From 0.8.1 to 0.9.1 a bare AssertionError.
        (0, 9, 2),
    ),
    (
        "nothing is scanned",
        ValueError,
        "lax.scan(lambda c, y: (c, y), x)",
        ("`length` not provided",),
    ),
    ("it gives no pair", TypeError, "lax.scan(lambda c, y: c, x, x)", ("must be a pair",)),
    (
        "a number has no axis",
        ValueError,
        "lax.scan(lambda c, y: (c, y), x, 3.0)",
        ("no leading axis",),
    ),
    (
        "a number is no function",
        TypeError,
        "lax.scan(3, x, x)",
        ("f argument should be a callable",),
    ),
    (
        _CARRY,
        TypeError,
        ("lax.scan(lambda c, y: ({'k': c['k'], 'n': c['n'].astype(int)}, y), {'k': x, 'n': x}, x)"),
        ("c['n'] has type float32[2]", "has type int32[2], so the dtypes do not match"),
    ),
    (
        _CARRY,
        TypeError,
        "lax.fori_loop(0, 3, lambda i, c: c[:1], x)",
        ("has type float32[2]", "has type float32[1], so the shapes do not match"),
    ),
    (
        _CARRY,
        TypeError,
        "lax.scan(lambda c, y: ({'k': c['k']}, y), {'k': x, 'n': x}, x)",
        ("scan", "same pytree structure", "2 children", "1 child"),
        (0, 10),
    ),
    (
        _CARRY,
        TypeError,
        "lax.while_loop(lambda c: True, lambda c: (c, c), x)",
        ("while_loop", "same pytree structure", "tuple"),
        (0, 10),
    ),
    (
        "unroll is negative",
        ValueError,
        "lax.scan(lambda c, y: (c, y), x, x, unroll=-1)",
        ("`unroll`",),
    ),
    (
        "the condition is no boolean",
        TypeError,
        "lax.while_loop(lambda c: (c, c), lambda c: c, x)",
        ("boolean scalar, but got pytree PyTreeDef((*, *))",),
    ),
    (
        "the condition is no boolean",
        TypeError,
        "lax.while_loop(lambda c: c > 0, lambda c: c, x)",
        ("boolean scalar, but got output type(s) [ShapedArray(bool[2])]",),
    ),
    (
        "a number is no function",
        TypeError,
        "lax.while_loop(3, lambda c: c, x)",
        ("body_fun and cond_fun arguments should be callable",),
    ),
    (
        "the bounds differ in type",
        TypeError,
        "lax.fori_loop(0, 1.5, lambda i, c: c, x)",
        ("must have equal types, got int32 and float32",),
    ),
    ("a number is no function", TypeError, "lax.fori_loop(0, 3, 7, x)", ("body_fun argument",)),
    (
        "the predicate is no scalar",
        TypeError,
        "lax.cond(x, lambda: 1, lambda: 2)",
        ("Pred must be a scalar, got", "of shape (2,)"),
    ),
    (
        "there is no predicate",
        TypeError,
        "lax.cond(None, lambda: 1, lambda: 2)",
        ("predicate is None",),
    ),
    (
        "a number is no function",
        TypeError,
        "lax.cond(True, 3, lambda: 2)",
        ("true_fun and false_fun arguments should be callable",),
    ),
    (
        _BRANCHES,
        TypeError,
        "lax.cond(x[0] > 0, lambda y: (y, y), lambda y: y, x)",
        ("true_fun", "false_fun", "same"),
    ),
    (
        _BRANCHES,
        TypeError,
        "lax.cond(x[0] > 0, lambda y: {'l': y, 'r': y > 0}, lambda y: {'l': y, 'r': y}, x)",
        ("true_fun", "'r'", "bool[2]", "float32[2]"),
    ),
    (
        _BRANCHES,
        TypeError,
        "lax.switch(x[0].astype(int), [lambda y: y, lambda y: y, lambda y: (y,)], x)",
        ("branch 0", "2"),
    ),
    (
        "the index is no integer",
        TypeError,
        "lax.switch(x[0], [lambda: 1, lambda: 2])",
        ("Index type must be an integer, got", "float32"),
    ),
    (
        "the index is no scalar",
        TypeError,
        "lax.switch(x.astype(int), [lambda: 1, lambda: 2])",
        ("Branch index must be scalar, got", "of shape (2,)"),
    ),
    ("there is no branch", ValueError, "lax.switch(0, [])", ("Empty branch sequence",)),
    ("a number is no function", TypeError, "lax.associative_scan(3, x)", ("fn argument",)),
    (
        _SIZES,
        ValueError,
        "lax.associative_scan(jnp.add, (x, jnp.ones(5)))",
        ("same first dimension. (saw: [(2,), (5,)])",),
    ),
)
MAPS = refusals((*_OF_MAPS, *_OF_LOOPS))
