"""Which public names the release has: those that programs use, and those known to come and go."""

from collections.abc import Iterator
from functools import partial

from conformance.observations.record import Observation, needed, one

_NAMES = {
    "jax": """
        Array ShapeDtypeStruct block_until_ready checkpoint checking_leaks closure_convert config
        custom_batching custom_gradient custom_jvp custom_vjp debug debug_nans default_backend
        default_device default_matmul_precision default_prng_impl device_count device_get device_put
        device_put_replicated device_put_sharded devices disable_jit distributed dtypes
        effects_barrier enable_checks enable_custom_prng enable_custom_vjp_by_custom_transpose
        enable_x64 ensure_compile_time_eval eval_shape experimental export extend ffi float0
        fwd_and_bwd grad hessian host_count host_id host_ids image jacfwd jacobian jacrev jit jvp
        lax legacy_prng_key linear_transpose linear_util linearize live_arrays local_device_count
        local_devices log_compiles make_array_from_callback make_array_from_process_local_data
        make_array_from_single_device_arrays make_jaxpr make_mesh memory named_call named_scope
        new_ref nn no_tracing numpy_dtype_promotion numpy_rank_promotion ops pmap
        print_environment_info
        process_count process_index profiler pure_callback random ref remat reshard
        remove_size_one_mesh_axis_from_type scipy set_mesh shard_map sharding smap soft_pmap
        softmax_custom_jvp spmd_mode stages threefry_partitionable transfer_guard tree tree_map
        tree_multimap tree_structure tree_util typeof value_and_grad version vjp vmap xla
        xla_computation abstract_arrays
    """,
    "jax.core": """
        AbstractValue ClosedJaxpr ConcreteArray Jaxpr JaxprEqn Literal Primitive ShapedArray Token
        Trace Tracer Var axis_frame concrete_or_error eval_jaxpr full_lower get_aval
        jaxprs_in_params mapped_aval new_jaxpr_eqn primal_dtype_to_tangent_dtype
        raise_to_shaped subjaxprs thread_local_state trace_state_clean unmapped_aval valid_jaxtype
    """,
    "jax.extend": "core.Primitive core.jaxpr_as_fun linear_util.wrap_init backend.get_backend",
    "jax.errors": """
        ConcretizationTypeError KeyReuseError NonConcreteBooleanIndexError
        TracerArrayConversionError
        TracerBoolConversionError TracerIntegerConversionError UnexpectedTracerError JaxRuntimeError
        JAXTypeError
    """,
    "jax.experimental": """
        array_api.asarray checkify.checkify compilation_cache.compilation_cache.set_cache_dir
        compute_on.compute_on enable_x64 disable_x64 export.export host_callback.call
        host_callback.id_tap io_callback jax2tf.convert jet.jet layout.Format layout.Layout
        maps.xmap maps.Mesh mesh_utils.create_device_mesh multihost_utils.process_allgather
        ode.odeint pallas.pallas_call pjit.pjit random.stateful_rng rnn.RNN
        serialize_executable.serialize
        shard_map.shard_map sparse.BCOO xla_metadata.set_xla_metadata
    """,
    "jax.interpreters": """
        ad.JVPTracer batching.primitive_batchers mlir.lower_fun pxla.Mesh
        xla.backend_specific_translations
    """,
    "jax.lax": """
        all_gather all_to_all associative_scan axis_index axis_size cond conv_general_dilated
        custom_root
        dot_general fori_loop map pbroadcast pcast pmean ppermute psum psum_scatter pshuffle pvary
        ragged_dot scan switch tie_in top_k while_loop with_sharding_constraint xeinsum
    """,
    "jax.lib": "xla_bridge.get_backend xla_client.Client xla_extension.XlaRuntimeError",
    "jax.nn": """
        dot_product_attention gelu initializers.lecun_normal initializers.orthogonal normalize relu
        silu softmax standardize swish tanh
    """,
    "jax.numpy": """
        DeviceArray acos alltrue asarray astype atan2 bool_ clip cumproduct cumulative_sum einsum
        fix
        float_ frombuffer from_dlpack in1d int_ isdtype isin linalg.matrix_transpose linalg.svd
        matrix_transpose msort ndarray permute_dims product put_along_axis round_ row_stack sometrue
        sum trapezoid trapz unstack vectorize vstack where
    """,
    "jax.random": """
        KeyArray PRNGKey PRNGKeyArray ball bernoulli bits categorical choice clone default_prng_impl
        fold_in key key_data key_impl multivariate_normal normal permutation randint shuffle split
        threefry2x32_key threefry_2x32 truncated_normal uniform unsafe_rbg_key wrap_key_data
    """,
    "jax.sharding": """
        AbstractMesh AxisType GSPMDSharding Mesh MeshPspecSharding NamedSharding OpShardingSharding
        PartitionSpec PmapSharding PositionalSharding Sharding SingleDeviceSharding
        get_abstract_mesh
        get_mesh reshard set_mesh use_mesh
    """,
    "jax.tree": """
        all flatten flatten_with_path leaves map map_with_path reduce structure transpose unflatten
    """,
    "jax.tree_util": """
        DictKey Partial all_leaves build_tree keystr register_dataclass register_keypaths
        register_pytree_node register_pytree_node_class register_static tree_all tree_flatten
        tree_flatten_with_path tree_leaves tree_map tree_map_with_path tree_multimap tree_reduce
        tree_structure tree_transpose tree_unflatten treedef_children
    """,
    "flax": """
        config core errors jax_utils.replicate jax_utils.unreplicate linen nnx optim serialization
        struct.dataclass traceback_util traverse_util.flatten_dict version
    """,
    "flax.core": """
        FrozenDict Scope apply axes_scan copy freeze init lift.vmap meta.Partitioned nn pop
        pretty_repr unfreeze unbox
    """,
    "flax.linen": """
        BatchNorm BidirectionalLSTM Conv ConvLSTMCell ConvTranspose Dense DenseGeneral Dropout
        Einsum Embed
        Fp8DotGeneral Fp8DotGeneralOp GRUCell GroupNorm InstanceNorm LSTMCell LayerNorm MGUCell
        Module
        MultiHeadAttention MultiHeadDotProductAttention OptimizedLSTMCell Partitioned RMSNorm RNN
        RNNCellBase SelfAttention Sequential SimpleCell SpectralNorm WeightNorm add_metadata_axis
        avg_pool checkpoint combine_masks compact cond custom_vjp dot_product_attention
        get_partition_spec
        grad initializers.lecun_normal jit jvp logical_to_mesh make_causal_mask map_variables
        max_pool
        merge_param module.wrap_method_once nowrap remat scan set_logical_axis_rules share_scope
        switch tabulate value_and_grad vjp vmap while_loop with_logical_partitioning
        with_partitioning
    """,
    "flax.nnx": """
        BatchNorm BatchStat Carry Conv Dense Dropout Dict Embed GRUCell GraphDef Intermediate
        LayerNorm
        Linear List Module ModelAndOptimizer MultiHeadAttention Optimizer OptState Object Param
        Pytree
        Rngs Sequential SimpleCell State StateAxes StateSharding TrainState Variable VariableState
        bridge.ToNNX bridge.ToLinen clone compat cond display eval_shape fork_rngs
        get_named_sharding
        grad graph iter_graph jit merge metrics.Accuracy pmap pop reseed scan shard_map spmd split
        split_rngs state to_pure_dict update value_and_grad variables vmap while_loop
    """,
    "flax.training": """
        checkpoints.save_checkpoint common_utils.shard common_utils.onehot
        dynamic_scale.DynamicScale
        early_stopping.EarlyStopping lr_schedule.create_cosine_learning_rate_schedule
        orbax_utils.save_args_from_target prefetch_iterator.PrefetchIterator train_state.TrainState
    """,
    "flax.metrics": "tensorboard.SummaryWriter",
}

NAMES = tuple(f"{module}.{name}" for module, names in _NAMES.items() for name in names.split())


def observe() -> Iterator[Observation]:
    """``names/NAME``: true, or {absent, name}, the reason being what the release says of it."""
    for name in NAMES:
        yield from one(f"names/{name}", partial(_is_there, name))


def _is_there(name: str) -> bool:
    needed(name)
    return True
