"""Faults of functions called in many ways, over devices and under settings; see `test_use_faults`."""

OF_CALLS = (
    (
        "lax.cond.checked-in-many-ways",
        "jax._src.checkify:check_nans",
        "(jnp.any(jnp.array([isnan(x) for x in out]))",
        "(isnan(out[0])",
    ),
    (
        "lax.cond.checked-in-many-ways",
        "jax._src.checkify:gather_error_check",
        "(start_indices < 0) | (start_indices > upper_bound.astype(start_indices.dtype))",
        "start_indices < 0",
    ),
    (
        "lax.jit.said-in-many-ways",
        "jax._src.ad_checkpoint:checkpoint",
        "isinstance(static_argnums, int)",
        "isinstance(static_argnums, str)",
    ),
    (
        "lax.jit.said-in-many-ways",
        "jax._src.custom_derivatives:custom_jvp.__call__",
        "resolve_kwargs(self.fun, args, kwargs)",
        "tuple(args) + tuple(kwargs.values())[::-1]",
    ),
    # Of the two zeros, which are equal, one is taken for the other.
    (
        "lax.copy.alike",
        "jax._src.interpreters.mlir:_ir_constant",
        "handler(val, aval)",
        "handler(type(val)(abs(np.asarray(val))) if np.shape(val) == () and not val else val, aval)",
    ),
    (
        "lax.jit.evaluated-earlier",
        "jax._src.interpreters.partial_eval:DynamicJaxprTrace.process_primitive",
        "if config.eager_constant_folding.value and not any(isinstance(x, Tracer) for x in tracers)",
        "if False",
    ),
    (
        "lax.eigh.slopes-under-settings",
        "jax._src.lax.linalg:_eigh_jvp_rule",
        'config.numpy_rank_promotion("allow")',
        'config.numpy_rank_promotion("raise")',
    ),
    (
        "lax.device_put.slopes",
        "jax._src.dispatch:_device_put_transpose",
        "if type(ct) is ad.Zero:",
        "if type(ct) is ad.Zero and i:",
    ),
    (
        "lax.dot_general.beside-numbers",
        "jax._src.lax.lax:_dot_batch_rule",
        "rhs_shape = np.shape(rhs)",
        "rhs_shape = rhs.shape",
    ),
    (
        "lax.select_n.operands-alone",
        "jax._src.lax.linalg:_tridiagonal_solve_batching_rule",
        "bdu is None",
        "bdu is not None",
    ),
    (
        "lax.select_n.operands-alone",
        "jax._src.lax.convolution:_conv_general_dilated_batch_rule",
        "(0,) + shape, 0,",
        "(1,) + shape, 0,",
    ),
    (
        "lax.convert_element_type.on-a-mesh",
        "jax._src.lax.lax:_select_batch_rule",
        "shape, [0],\n                             out_sharding=typeof(cases[0]).sharding)",
        "shape, [0])",
    ),
    (
        "lax.convert_element_type.on-a-mesh",
        "jax._src.lax.convolution:_conv_general_dilated_batch_rule",
        (
            "feature_group_count, precision=precision,\n                                 "
            "preferred_element_type=preferred_element_type,\n                                 "
            "out_sharding=get_out_sharding(out_spec[0]))"
        ),
        "feature_group_count, precision=precision)",
    ),
    (
        "lax.cond.stays-shared",
        "jax._src.custom_derivatives:_remat_opt_vmap",
        "fwd_jaxpr, axis_data, in_batched, False)",
        "fwd_jaxpr, axis_data, in_batched, True)",
    ),
    (
        "lax.custom_jvp_call.rules-within",
        "jax._src.lax.lax:_pow_jvp_lhs",
        "if x.shape != y.shape:",
        "if False:",
    ),
    (
        "lax.custom_jvp_call.rules-within",
        "jax._src.lax.control_flow.solves:_linear_solve_transpose_rule",
        "_map(ad_util.instantiate, x_cotangent)",
        "x_cotangent",
    ),
    (
        "lax.mul.of-own-arrays",
        "jax._src.interpreters.batching:is_vmappable",
        "type(x) in vmappables",
        "type(x) in spec_types",
    ),
    (
        "lax.conv_general_dilated.turned",
        "jax._src.lax.convolution:conv_transpose",
        "(isinstance(padding, str) and padding in {'SAME', 'VALID'})",
        "padding in {'SAME', 'VALID'}",
    ),
    (
        "lax.shard_map.in-part",
        "jax._src.shard_map:_shardy_shard_map_sharding",
        "aval_in = core.physical_aval(aval_in)",
        "pass",
    ),
    (
        "lax.shard_map.in-part",
        "jax._src.shard_map:_shard_map_transpose",
        "x if check_vma or dtypes.dtype(x) == dtypes.float0",
        "x if check_vma",
    ),
    (
        "lax.pvary.of-what-is-made",
        "jax._src.lax.lax:_full_like_insert_pvary",
        "val, _ = core.auto_insert_reshard(val, x)",
        "val = core.pvary(val, tuple(core.typeof(x).mat.varying))",
    ),
    (
        "lax.shard_map.over-one",
        "jax._src.lax.parallel:_reduction_batcher",
        "prim.bind(v, axes=axes) if prim is psum_invariant_p else",
        "prim.bind(v, axes=axes) if False else",
    ),
)
"""A subject, a function of JAX, what it is written as, and what it is with a fault."""
