"""Which public names the release has: those that programs use, and those known to come and go."""

from collections.abc import Iterator
from functools import partial

from conformance.observations.of_objects import is_of_objects
from conformance.observations.record import Absent, Observation, needed, one
from conformance.observations.selection import EVERYTHING, Selection

_NAMES = {
    "jax": """
        Array block_until_ready checking_leaks checkpoint closure_convert config custom_batching
        custom_gradient custom_jvp custom_vjp debug debug_nans default_backend default_device
        default_matmul_precision default_prng_impl device_count device_get device_put
        device_put_replicated device_put_sharded devices disable_jit distributed dtypes
        effects_barrier enable_checks enable_custom_prng enable_custom_vjp_by_custom_transpose
        enable_x64 ensure_compile_time_eval errors eval_shape experimental export extend ffi
        float0 fwd_and_bwd grad hessian host_count host_id host_ids image jacfwd jacobian jacrev
        jit jvp lax legacy_prng_key linear_transpose linear_util linearize live_arrays
        local_device_count local_devices log_compiles make_array_from_callback
        make_array_from_process_local_data make_array_from_single_device_arrays make_jaxpr
        make_mesh memory named_call named_scope new_ref nn no_tracing numpy_dtype_promotion
        numpy_rank_promotion ops pmap print_environment_info process_count process_index
        profiler pure_callback random ref remat remove_size_one_mesh_axis_from_type reshard
        scipy set_mesh ShapeDtypeStruct shard_map sharding smap softmax_custom_jvp spmd_mode
        stages threefry_partitionable transfer_guard tree tree_map tree_multimap tree_structure
        tree_util typeof value_and_grad version vjp vmap xla_computation
    """,
    "jax.core": """
        AbstractValue axis_frame ClosedJaxpr concrete_or_error ConcreteArray eval_jaxpr
        full_lower get_aval Jaxpr JaxprEqn jaxprs_in_params Literal mapped_aval new_jaxpr_eqn
        primal_dtype_to_tangent_dtype Primitive raise_to_shaped ShapedArray subjaxprs
        thread_local_state Token Trace trace_state_clean Tracer unmapped_aval valid_jaxtype Var
    """,
    "jax.extend": """
        backend.get_backend core.jaxpr_as_fun core.Primitive linear_util.wrap_init
    """,
    "jax.errors": """
        ConcretizationTypeError JaxRuntimeError JAXTypeError KeyReuseError
        NonConcreteBooleanIndexError TracerArrayConversionError TracerBoolConversionError
        TracerIntegerConversionError UnexpectedTracerError
    """,
    "jax.experimental": """
        array_api.asarray checkify.checkify compilation_cache.compilation_cache.set_cache_dir
        compute_on.compute_on disable_x64 enable_x64 host_callback.call host_callback.id_tap
        io_callback jet.jet layout.Format layout.Layout maps.xmap mesh_utils.create_device_mesh
        multihost_utils.process_allgather ode.odeint pallas.pallas_call pjit.pjit
        random.stateful_rng serialize_executable.serialize shard_map.shard_map sparse.BCOO
        xla_metadata.set_xla_metadata
    """,
    "jax.interpreters": "ad.JVPTracer batching.primitive_batchers mlir.lower_fun",
    "jax.lax": """
        all_gather all_to_all associative_scan axis_index axis_size cond conv_general_dilated
        custom_root dot_general fori_loop map pbroadcast pcast pmean ppermute pshuffle psum
        psum_scatter pvary ragged_dot scan switch top_k while_loop with_sharding_constraint
        xeinsum
    """,
    "jax.lib": """
        xla_bridge.get_backend xla_client.Client xla_extension.XlaRuntimeError
    """,
    "jax.nn": """
        dot_product_attention gelu initializers.lecun_normal initializers.orthogonal relu silu
        softmax standardize swish tanh
    """,
    "jax.numpy": """
        acos asarray astype atan2 bool_ clip cumulative_sum einsum fix float_ from_dlpack
        frombuffer in1d int_ isdtype isin linalg.matrix_transpose linalg.svd matrix_transpose
        ndarray permute_dims put_along_axis round_ sum trapezoid trapz unstack vectorize vstack
        where
    """,
    "jax.random": """
        ball bernoulli bits categorical choice clone fold_in key key_data key_impl
        multivariate_normal normal permutation PRNGKey randint shuffle split truncated_normal
        uniform wrap_key_data
    """,
    "jax.sharding": """
        AbstractMesh AxisType get_abstract_mesh get_mesh GSPMDSharding Mesh NamedSharding
        PartitionSpec PmapSharding PositionalSharding reshard set_mesh Sharding
        SingleDeviceSharding use_mesh
    """,
    "jax.tree": """
        all flatten flatten_with_path leaves map map_with_path reduce structure transpose
        unflatten
    """,
    "jax.tree_util": """
        all_leaves build_tree DictKey keystr Partial register_dataclass register_pytree_node
        register_pytree_node_class register_static tree_all tree_flatten tree_flatten_with_path
        tree_leaves tree_map tree_map_with_path tree_reduce tree_structure tree_transpose
        tree_unflatten treedef_children
    """,
    "flax": """
        config core errors jax_utils.replicate jax_utils.unreplicate linen nnx serialization
        struct.dataclass traceback_util traverse_util.flatten_dict
    """,
    "flax.core": """
        apply axes_scan copy freeze FrozenDict init lift.vmap meta.Partitioned nn pop
        pretty_repr Scope unbox unfreeze
    """,
    "flax.linen": """
        add_metadata_axis avg_pool BatchNorm checkpoint combine_masks compact cond Conv
        ConvLSTMCell ConvTranspose custom_vjp Dense DenseGeneral dot_product_attention Dropout
        Einsum Embed Fp8DotGeneral Fp8DotGeneralOp get_partition_spec grad GroupNorm GRUCell
        initializers.lecun_normal InstanceNorm jit jvp LayerNorm logical_to_mesh LSTMCell
        make_causal_mask map_variables max_pool merge_param MGUCell Module
        module.wrap_method_once MultiHeadAttention MultiHeadDotProductAttention nowrap
        OptimizedLSTMCell Partitioned remat RMSNorm RNN RNNCellBase scan SelfAttention
        Sequential set_logical_axis_rules share_scope SimpleCell SpectralNorm switch tabulate
        value_and_grad vjp vmap WeightNorm while_loop with_logical_partitioning
        with_partitioning
    """,
    "flax.nnx": """
        BatchNorm BatchStat bridge.ToLinen bridge.ToNNX Carry clone compat cond Conv Dict
        display Dropout Embed eval_shape fork_rngs get_named_sharding grad graph GraphDef
        GRUCell Intermediate iter_graph jit LayerNorm Linear List merge metrics.Accuracy
        ModelAndOptimizer Module MultiHeadAttention Object Optimizer OptState Param pmap pop
        Pytree reseed Rngs scan Sequential shard_map SimpleCell split split_rngs spmd state
        State StateAxes StateSharding to_pure_dict TrainState update value_and_grad Variable
        variables VariableState vmap while_loop
    """,
    "flax.training": """
        checkpoints.save_checkpoint common_utils.onehot common_utils.shard
        dynamic_scale.DynamicScale early_stopping.EarlyStopping
        lr_schedule.create_cosine_learning_rate_schedule orbax_utils.save_args_from_target
        prefetch_iterator.PrefetchIterator train_state.TrainState
    """,
}

NAMES = tuple(f"{module}.{name}" for module, names in _NAMES.items() for name in names.split())


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`names/NAME`: true, or {absent, name}, the reason being what the release says of it."""
    for name in names(selection):
        yield from of_name(name)


def of_name(name: str) -> Iterator[Observation]:
    """Whether the release has one name."""
    yield from one(f"names/{name}", partial(_is_there, name))


def names(selection: Selection) -> list[str]:
    """The suite's list, and the user's names that are not in it."""
    return list(dict.fromkeys((*NAMES, *selection.names)))


def _is_there(name: str) -> bool:
    try:
        needed(name)
    except Absent as absent:
        if not absent.other_package and not is_of_objects(name):
            raise
    return True
