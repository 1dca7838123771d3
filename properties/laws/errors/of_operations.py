"""Operations, collectives and maps over devices that are given something wrong: the message names it."""

from properties.laws.errors.refused import Entry, refusals

_RANGE = "it is out of range"
_SHAPES = "the shapes do not fit"
_DTYPES = "the dtypes differ"
_INDEX = "what indexes is no integer"
_OF_PLACES: tuple[Entry, ...] = (
    (_RANGE, TypeError, "lax.slice(x, (0,), (5,))", ("slice", "(2,)")),
    (
        _RANGE,
        TypeError,
        "lax.slice(jnp.ones((3, 2)), (2, 0), (1, 1))",
        ("greater than or equal to",),
    ),
    (
        _RANGE,
        IndexError,
        "lax.index_in_dim(x, 5)",
        ("index 5 is out of bounds for axis 0 with size 2",),
    ),
    (
        _SHAPES,
        ValueError,
        "lax.dynamic_slice(x, (0, 0), (1, 1))",
        ("Length of slice indices", "(2,)"),
    ),
    (_RANGE, TypeError, "lax.dynamic_slice(x, (0,), (5,))", ("slice_sizes", "operand shape (2,)")),
    (_RANGE, TypeError, "lax.dynamic_slice(x, (0,), (-1,))", ("greater than or equal to zero",)),
    ("a start is no scalar", TypeError, "lax.dynamic_slice(x, (x,), (1,))", ("must be scalars",)),
    (_INDEX, TypeError, "lax.dynamic_slice(x, (0.5,), (1,))", ("must be integers", "float32")),
    (
        _SHAPES,
        TypeError,
        "lax.dynamic_update_slice(x, jnp.ones((4, 6)), (0,))",
        ("same rank", "update shape (4, 6) for operand shape (2,)"),
    ),
    (
        _SHAPES,
        TypeError,
        "lax.dynamic_update_slice(x, jnp.ones(5), (0,))",
        ("update shape (5,) for operand shape (2,)",),
    ),
    (
        _DTYPES,
        TypeError,
        "lax.dynamic_update_slice(x, x.astype(int), (0,))",
        ("same dtypes, got float32, int32",),
    ),
    ("there is no such mode", ValueError, "x.at[0].get(mode='sideways')", ('"sideways"',), (0, 10)),
    (_INDEX, TypeError, "x[jnp.ones(3)]", ("integer or boolean type", "float32")),
    (_INDEX, TypeError, "x.at[jnp.ones(3)].set(1)", ("integer or boolean type", "float32")),
    (_INDEX, TypeError, "x['a']", ("string indexing",)),
    (_RANGE, IndexError, "x[0, 0]", ("Too many indices",)),
    ("a list is no index", TypeError, "x[[0, 1]]", ("non-tuple sequence",)),
    ("there are two ellipses", IndexError, "x[..., ...]", ("ellips",)),
    ("it does not advance", ValueError, "x[::0]", ("cannot be zero",)),
)
_OF_SHAPES: tuple[Entry, ...] = (
    (_SHAPES, TypeError, "lax.concatenate([x, jnp.ones((4, 6))], 0)", ("(2,), (4, 6)",)),
    (
        _SHAPES,
        TypeError,
        "lax.concatenate([jnp.ones((4, 6)), jnp.ones((4, 5))], 0)",
        ("dimension 0", "(4, 6), (4, 5)"),
    ),
    (_RANGE, TypeError, "lax.concatenate([x, x], 3)", ("dimension 3",)),
    ("there is nothing", ValueError, "lax.concatenate([], 0)", ("concatenate", "non-empty")),
    (_SHAPES, TypeError, "lax.broadcast_in_dim(x, (3, 3), (0,))", ("(2,)", "(3, 3)")),
    (_SHAPES, TypeError, "lax.transpose(jnp.ones((4, 6)), (0, 0))", ("(0, 0)", "(4, 6)")),
    (_SHAPES, ValueError, "lax.squeeze(jnp.ones((4, 6)), (0,))", ("(4, 6)",)),
    (_DTYPES, TypeError, "lax.pad(x, 0, ((0, 0, 0),))", ("float32 and int32",)),
    (_SHAPES, ValueError, "lax.pad(x, 0., ((0, 0, 0), (0, 0, 0)))", ("(2,)",)),
    (
        _SHAPES,
        TypeError,
        "lax.dot_general(x, jnp.ones(4), (((0,), (0,)), ((), ())))",
        ("(2,) and (4,)",),
    ),
    (_SHAPES, TypeError, "lax.select(x > 0, x, jnp.ones(4))", ("(4,), (2,)",)),
    (_DTYPES, TypeError, "lax.select_n(x, x, x)", ("boolean or integer type, got float32",)),
    (_SHAPES, TypeError, "lax.clamp(x, jnp.ones(4), x)", ("(2,)", "(4,)")),
    (_SHAPES, ValueError, "lax.top_k(x, 5)", ("k argument to top_k must be no larger than", "5")),
    (_SHAPES, TypeError, "lax.sort((x, jnp.ones(4)))", ("(2,) (4,)",)),
    (_RANGE, TypeError, "lax.rev(x, (3,))", ("(3,)",)),
    (_RANGE, ValueError, "lax.cumsum(x, 3)", ("axis 3",)),
    (
        _DTYPES,
        TypeError,
        "lax.add(x, x.astype(int))",
        ("same dtypes, got float32, int32",),
        (0, 10),
    ),
    (_SHAPES, TypeError, "x + jnp.ones(3)", ("(2,), (3,)",)),
)
_NAMED = "jax.vmap(lambda y: {}, axis_name='i')(jnp.ones((4, 6)))"
_OF_COLLECTIVES: tuple[Entry, ...] = tuple(
    (why, kind, _NAMED.format(source), says)
    for why, kind, source, says in (
        ("no map has this name", NameError, "lax.axis_index('k')", ("unbound axis name: k",)),
        (_SHAPES, ValueError, "lax.all_to_all(y, 'i', 0, 0)", ("they are 4 and 6 respectively",)),
        (
            _SHAPES,
            ValueError,
            "lax.all_to_all(y, 'i', 0, 0, tiled=True)",
            ("split_axis (6)", "named axis i (4)"),
        ),
        (_SHAPES, ValueError, "lax.pswapaxes(y, 'i', 0)", ("they are 4 and 6 respectively",)),
        (
            "it is no permutation",
            ValueError,
            "lax.pshuffle(y, 'i', [0, 0, 1, 2])",
            ("[0, 0, 1, 2]",),
        ),
        (
            "the groups overlap",
            ValueError,
            "lax.psum(y, 'i', axis_index_groups=[[0, 1], [1, 2]])",
            ("axis_index_groups must cover all indices exactly once",),
        ),
        (
            "groups are of names",
            ValueError,
            "lax.pmax(y, 0, axis_index_groups=[[0]])",
            ("axis_index_groups only supported for sums over just named axes",),
        ),
    )
)
_OVER_DEVICES = """
P = jax.sharding.PartitionSpec

def over(function, *arguments, before=P("i"), after=P("i"), **options):
    if not hasattr(jax, "shard_map"):
        from jax.experimental.shard_map import shard_map
    else:
        shard_map = jax.shard_map
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ("i",))
    return shard_map(function, mesh=mesh, in_specs=before, out_specs=after, **options)(*arguments)
"""
_OF_DEVICES: tuple[Entry, ...] = (
    (
        "the devices do not divide it",
        ValueError,
        "over(lambda tree: tree['a'], {'a': x, 'b': jnp.ones(5)})",
        ("not evenly divisible", "args[0]['b']", "float32[5]"),
    ),
    (
        "the array has no axis",
        ValueError,
        "over(lambda y: y, 1.0)",
        ("in_specs", "length 1", "args[0]"),
    ),
    (
        "the array has no axis",
        ValueError,
        "over(lambda *many, key=None: many[0], x, 1.0)",
        ("length 1", "args[1]", "varargs parameter 'many'"),
        (0, 10),
    ),
    (
        "the devices do not divide it",
        ValueError,
        "over(lambda y, *many: y, x, x, jnp.ones(3))",
        ("not evenly divisible", "args[2]", "varargs parameter 'many'"),
        (0, 10),
    ),
    (
        "it makes a reference",
        ValueError,
        "over(lambda y: (jax.new_ref(y), y)[1], x)",
        ("jax.Ref", "jax.jit"),
        (0, 10),
    ),
    (
        "nothing is over this axis",
        ValueError,
        "lax.pcast(x, 'i', to='varying')",
        ("pvary", "under jax.shard_map"),
        (0, 10),
    ),
    (
        "the result has no axis",
        ValueError,
        "jax.jit(lambda y: over(lambda y: y[0], y))(jnp.ones(2))",
        ("out_specs", "float32[]"),
    ),
    (
        "devices may have other results",
        ValueError,
        "over(lambda y: y, x, after=P())",
        ("out_specs", "replication which can't be statically inferred", "('i',)"),
    ),
    (
        "the mesh has no such axis",
        ValueError,
        "over(lambda y: y, x, before=P('k'))",
        ("in_specs", "'k'"),
        (0, 10),
    ),
    (
        "the mesh has no such axis",
        ValueError,
        "over(lambda y: y, x, after=P('k'))",
        ("out_specs", "'k'"),
        (0, 6, 1),
    ),
    (
        "a text is no spec",
        TypeError,
        "over(lambda y: y, x, before='i')",
        ("in_specs", "PartitionSpec"),
    ),
    (
        "the result is a tuple of two",
        ValueError,
        "over(lambda y: (y, y), x, after=(P('i'),))",
        ("shard_map out_specs", "tuple of length 1", "length 2"),
    ),
    (
        "the argument is no dictionary",
        ValueError,
        "over(lambda y, z: y, x, x, before=(P('i'), {'{a}': P('i')}))",
        ("shard_map in_specs[1]",),
    ),
    ("a number is no function", TypeError, "over(3, x)", ("callable", "got 3")),
    (
        "the map takes a name that shard_map has",
        ValueError,
        "jax.vmap(lambda y: over(lambda z: z, y), spmd_axis_name='i')(jnp.ones((4, 2)))",
        ("vmap spmd_axis_name cannot appear in shard_map in_specs",),
    ),
)
_OF_ONE: tuple[Entry, ...] = tuple(
    # Within a jit the message is of one example: eagerly it is of them all.
    (why, kind, f"jax.jit(lambda x: {source})(x)", *rest)
    for why, kind, source, *rest in (*_OF_PLACES, *_OF_SHAPES)
)
_TYPED = """
P = jax.sharding.PartitionSpec

def typed(function, *specs):
    # What it gives of arrays whose axes lie so on an Explicit mesh, without a value.
    explicit = (jax.sharding.AxisType.Explicit,) * 2
    mesh = jax.sharding.AbstractMesh((2, 2), ("x", "y"), axis_types=explicit)
    with jax.sharding.use_abstract_mesh(mesh):
        shardings = [jax.sharding.NamedSharding(mesh, P(*each)) for each in specs]
        arrays = [jax.ShapeDtypeStruct((4, 4), "float32", sharding=each) for each in shardings]
        return jax.eval_shape(function, *arrays)
"""
_ANOTHER = "the mapped axes are sharded differently"
_OF_TYPES: tuple[Entry, ...] = tuple(
    (why, kind, source, says, (0, 10))
    for why, kind, source, says in (
        (
            _ANOTHER,
            ValueError,
            "typed(jax.vmap(lambda a, b: a), 'xy', 'yx')",
            ("sharded the same", "x vs y"),
        ),
        (
            _ANOTHER,
            ValueError,
            "typed(jax.vmap(lambda a, b: a), 'xy', (None, 'x'))",
            ("x vs None",),
        ),
        (
            _ANOTHER,
            ValueError,
            "typed(jax.vmap(lambda a, b: a), (None, 'x'), 'xy')",
            ("None vs x",),
        ),
        (_ANOTHER, ValueError, "typed(jax.vmap(lambda a, b: a, (0, 1)), 'xy', 'xy')", ("x vs y",)),
        (
            _ANOTHER,
            ValueError,
            "typed(jax.vmap(lambda *each: each[0]), 'x', 'x', 'x', 'y')",
            ("x vs y",),
        ),
        (
            "what is shared is sharded by the axis that is mapped",
            ValueError,
            "typed(jax.vmap(lambda a, b: a, (0, None)), 'xy', 'yx')",
            ("f32[4@y,4@x]", "in_axes: None", "mesh axis: ('x',)"),
        ),
        (
            "the map takes another name",
            ValueError,
            "typed(jax.vmap(lambda a: a, spmd_axis_name='y'), 'xy')",
            ("spmd_axis_name=('y',)", "explicit_mesh_axis=('x',)"),
        ),
        (
            "what is scanned is sharded",
            ValueError,
            "typed(jax.vmap(lambda a: lax.scan(lambda c, y: (c, y), 0., a)), 'xy')",
            ("0th dimension of all xs should be replicated", "P('y',)"),
        ),
        (
            "what is scanned is sharded",
            ValueError,
            "typed(jax.vmap(lambda a: lax.map(jnp.sin, a, batch_size=2)), 'xy')",
            ("0th dimension", "should be replicated", "f32[4@y]"),
        ),
        (
            "the axis is the mapped one",
            ValueError,
            (
                "typed(jax.vmap(jax.shard_map(lambda z: z, in_specs=P('x'), out_specs=P('x'),"
                " axis_names={'x'})), 'xy')"
            ),
            ("'x'", "'y'"),
        ),
    )
)
SCATTERED = refusals(
    tuple(
        (_SHAPES, ValueError, _NAMED.format(source), ("6", "4"))
        for source in ("lax.psum_scatter(y, 'i')", "lax.psum_scatter(y, 'i', tiled=True)")
    )
)
"""What a map over devices refuses, and vmap takes."""
OPERATIONS = (
    *refusals((*_OF_ONE, *_OF_COLLECTIVES)),
    *refusals(_OF_DEVICES, _OVER_DEVICES, devices=2),
    *refusals(_OF_TYPES, _TYPED),
)
