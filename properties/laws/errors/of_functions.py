"""Rules of functions, derivatives and programs that are given something wrong: the message names it."""

from jax.errors import ConcretizationTypeError

from properties.laws.errors.refused import Entry, refusals

_HEAD = """
def product(left, right):
    return left * right

def with_jvp(rule):
    function = jax.custom_jvp(product)
    function.defjvp(rule)
    return lambda x: jax.jvp(jax.vmap(function), (x, x), (x, x))

def with_vjp(forward, backward, **options):
    function = jax.custom_vjp(product)
    function.defvjp(forward, backward, **options)
    return jax.grad(lambda x: jnp.sum(jax.vmap(function)(x, x)))

def with_rule(rule):
    function = jax.custom_batching.custom_vmap(product)
    function.def_vmap(rule)
    return lambda x: jax.vmap(function)(x, x)

def with_policy(policy):
    return jax.grad(jax.checkpoint(lambda x: jnp.sum(jnp.sin(x)), policy=policy))

moving = jax.checkpoint_policies.offload_dot_with_no_batch_dims("device", "pinned_host")
keep = lambda left, right: (left * right, left)
"""
_SAID = (0, 10)
"""A release that says so; some before do not."""
_NO_RULE = "nothing says what it is to do"
_TREES = "its rule returns another tree"
_TYPES = "its rule returns arrays of another type"
_ARGUMENTS = "it is called with other arguments"
_UNDECIDED = "its policy does not say whether to keep what is computed"
_OF_RULES: tuple[Entry, ...] = (
    (
        _NO_RULE,
        AttributeError,
        "jax.vmap(jax.custom_batching.custom_vmap(product))(x, x)",
        ("No batching rule defined for custom_vmap function product using def_vmap",),
        (0, 5),
    ),
    (
        _NO_RULE,
        AttributeError,
        "jax.vmap(jax.custom_jvp(product))(x, x)",
        ("No JVP defined for custom_jvp function product using defjvp",),
    ),
    (
        _NO_RULE,
        AttributeError,
        "jax.vmap(jax.custom_vjp(product))(x, x)",
        ("No VJP defined for custom_vjp function product using defvjp",),
    ),
    (
        _TREES,
        ValueError,
        "with_rule(lambda size, mapped, l, r: (l * r, (True, True)))(x)",
        ("output batching specification", "PyTreeDef(*)", "PyTreeDef((*, *))"),
    ),
    (
        _TREES,
        ValueError,
        "with_rule(lambda size, mapped, l, r: ((l, r), (True, True)))(x)",
        ("that of original custom-vmapped function", "Rule output: PyTreeDef((*, *))"),
    ),
    (
        "its rule returns three",
        ValueError,
        "with_rule(lambda *given: (x, True, True))(x)",
        ("expected 2",),
    ),
    (
        "its rule takes too little",
        TypeError,
        "with_rule(lambda size, mapped, l: (l, True))(x)",
        ("takes 3 positional arguments but 4 were given",),
    ),
    (
        "its rule returns no pair",
        TypeError,
        "with_jvp(lambda p, t: p[0])(x)",
        ("product", "a pair"),
    ),
    (
        "its rule returns three",
        TypeError,
        "with_jvp(lambda p, t: (p[0], t[0], t[0]))(x)",
        ("a pair",),
    ),
    (
        _TREES,
        TypeError,
        "with_jvp(lambda p, t: (p[0], (t[0],)))(x)",
        ("product", "PyTreeDef(*) and PyTreeDef((*,)) respectively"),
    ),
    (
        _TYPES,
        TypeError,
        "with_jvp(lambda p, t: (p[0], jnp.ones(3)))(x)",
        ("float32[]", "float32[3]"),
    ),
    (
        "its rule returns no pair",
        TypeError,
        "with_vjp(lambda l, r: l * r, lambda kept, g: (g, g))(x)",
        ("fwd rule <lambda> for function product must produce a pair",),
    ),
    (
        _TREES,
        TypeError,
        "with_vjp(keep, lambda kept, g: g)(x)",
        ("bwd rule must produce", "PyTreeDef(*)", "PyTreeDef((*, *))"),
    ),
    (
        _TREES,
        TypeError,
        "with_vjp(keep, lambda kept, g: (g, (g, g)))(x)",
        ("bwd rule must produce", "PyTreeDef((*, (*, *)))", "PyTreeDef((*, *))"),
    ),
    (
        _TYPES,
        ValueError,
        "with_vjp(keep, lambda kept, g: (g, jnp.ones(3)))(x)",
        ("output[1]", "float32[3]", "float32[]"),
    ),
    (
        "both together are not implemented",
        NotImplementedError,
        ("with_vjp(keep, lambda kept, g: (g, g), symbolic_zeros=True, optimize_remat=True)(x)"),
        ("does not support symbolic zeros",),
        _SAID,
    ),
    (
        _UNDECIDED,
        TypeError,
        "with_policy(lambda *_, **__: None)(x)",
        ("policy should be a bool", "Got None"),
        (0, 8),
    ),
    (
        _UNDECIDED,
        ValueError,
        "with_policy(jax.checkpoint_policies.save_from_both_policies(moving, lambda *_, **__: 1))(x)",
        ("should be a boolean", "and 1"),
        (0, 5),
    ),
)
_OF_DERIVATIVES: tuple[Entry, ...] = (
    (
        "it gives no scalar",
        TypeError,
        "jax.grad(jax.vmap(jnp.sin))(x)",
        ("scalar-output functions", "had shape: (2,)"),
    ),
    (
        "its input is real",
        TypeError,
        "jax.grad(lambda y: jnp.sum(y), holomorphic=True)(x)",
        ("holomorphic=True", "complex dtype, but got float32"),
    ),
    (
        "it gives whole numbers",
        TypeError,
        "jax.grad(lambda y: jnp.sum(y).astype(int))(x)",
        ("grad requires real-valued outputs", "got int32"),
    ),
    (
        "it takes whole numbers",
        TypeError,
        "jax.grad(lambda y: jnp.sum(y))(x.astype(int))",
        ("grad requires real- or complex-valued inputs", "got int32"),
    ),
    (
        "it has one argument",
        TypeError,
        "jax.grad(jnp.sum, argnums=3)(x)",
        ("argnums=3", "at least 4"),
    ),
    (
        "it gives no pair",
        TypeError,
        "jax.grad(lambda y: y[0], has_aux=True)(x)",
        ("two-element tuple",),
    ),
    (
        "it takes whole numbers",
        TypeError,
        "jax.jacfwd(jnp.sin)(x.astype(int))",
        ("jacfwd", "got int32"),
    ),
    (
        "it gives whole numbers",
        TypeError,
        "jax.jacrev(lambda y: y.astype(int))(x)",
        ("jacrev", "got int32"),
    ),
    (
        "its input is real",
        TypeError,
        "jax.jacfwd(jnp.sin, holomorphic=True)(x)",
        ("jacfwd", "float32"),
    ),
    ("it is no tuple", TypeError, "jax.jvp(jax.vmap(jnp.sin), x, x)", ("must be tuples or lists",)),
    (
        _ARGUMENTS,
        TypeError,
        "jax.jvp(jax.vmap(jnp.sin), (x,), (x, x))",
        ("PyTreeDef((*,))", "PyTreeDef((*, *))"),
    ),
    (
        _ARGUMENTS,
        ValueError,
        "jax.jvp(jax.vmap(jnp.sin), (x,), (x[:1],))",
        ("primal shape (2,) and tangent shape as (1,)",),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.jvp(jax.vmap(jnp.sin), (x,), (x.astype(int),))",
        ("expected tangent dtype float32", "tangent dtype int32"),
    ),
    (
        _ARGUMENTS,
        ValueError,
        "jax.vjp(jax.vmap(jnp.sin), x)[1](x[:1])",
        ("float32[1]", "float32[2]"),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.vjp(jax.vmap(jnp.sin), x)[1](x, x)",
        ("must be called with a single argument",),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.linear_transpose(jax.vmap(lambda y: 2 * y), x)((x, x))",
        ("expected PyTreeDef(*) but got PyTreeDef((*, *))",),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.linear_transpose(jax.vmap(lambda y: 2 * y), x)(x[:1])",
        ("cotangent type does not match", "float32[2]"),
    ),
    (
        "it is not linear",
        NotImplementedError,
        "jax.linear_transpose(jax.vmap(jnp.sin), x)(x)",
        ("'sin' not implemented",),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.closure_convert(lambda y: y * x, x)[0]((x, x))",
        ("closure_convert", "(*, *)"),
        (0, 5),
    ),
    (
        _ARGUMENTS,
        ValueError,
        "jax.linearize(jax.vmap(jnp.sin), x)[1](x[:1])",
        ("tangent aval float32[1]", "primal aval float32[2]"),
        _SAID,
    ),
)
_OF_PROGRAMS: tuple[Entry, ...] = (
    (
        "what is static is not hashable",
        ValueError,
        "jax.jit(lambda y, n: y, static_argnums=1)(x, [1])",
        ("Non-hashable static arguments", "list"),
        # jax 0.9.0 takes it.
        (0, 9, 1),
    ),
    (
        "there are two arguments",
        ValueError,
        "jax.jit(lambda y, n: y, static_argnums=5)(x, 1)",
        ("static_argnums=(5,), but only accepts 2 positional arguments",),
    ),
    (
        "no argument has this name",
        ValueError,
        "jax.jit(lambda y, n: y, static_argnames='absent')(x, 1)",
        ("invalid argnames {'absent'} in static_argnames",),
    ),
    ("a text is no array", TypeError, "jax.jit(lambda y: y)('text')", ("<class 'str'>",)),
    ("it is too large", OverflowError, "jax.jit(lambda y: y)(2**70)", ("argument path is y",)),
    (
        "a reference is a result",
        ValueError,
        "jax.jit(lambda: jax.new_ref(3.0))()",
        ("Ref{float32[]}", "was created on line"),
        _SAID,
    ),
    *(
        (
            "it is one reference twice",
            ValueError,
            f"{call}(lambda r, s: r[...])(*[jax.new_ref(x * jnp.ones(2))] * 2)",
            ("only one reference to a mutable array", name, "r and s"),
            _SAID,
        )
        for call, name in (("jax.jit", "for jit"), ("jax.vmap", "for vmap"))
    ),
    (
        "no mesh is set",
        ValueError,
        "jax.sharding.explicit_axes(lambda y: y, in_sharding=jax.sharding.PartitionSpec())(x)",
        ("explicit_axes", "jax.set_mesh"),
        _SAID,
    ),
    (
        "there are two arguments",
        ValueError,
        "jax.checkpoint(lambda y, n: y, static_argnums=5)(x, 1)",
        ("static_argnums", "got (5,)"),
    ),
    (
        "the flag is traced",
        ConcretizationTypeError,
        "jax.checkpoint(lambda y, flag: y if flag else -y)(x, True)",
        ("for checkpoint", "argument flag"),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.jit(jax.vmap(jnp.sin)).lower(jnp.ones(2)).compile()(jnp.ones(1))",
        ("float32[2]", "float32[1]"),
    ),
    (
        _ARGUMENTS,
        TypeError,
        "jax.jit(jax.vmap(jnp.sin)).lower(jnp.ones(2)).compile()(*[jnp.ones(2)] * 2)",
        ("input pytree",),
    ),
)


FUNCTIONS = (*refusals(_OF_RULES, _HEAD), *refusals((*_OF_DERIVATIVES, *_OF_PROGRAMS)))
