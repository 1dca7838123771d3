"""Why slips survive that no law could notice: they change nothing that a user sees."""

import fnmatch
import linecache

from conformance.mutation.results import SlipResult
from conformance.mutation.source.targets import targets

_BATCHING, _LAX = "jax._src.interpreters.batching", "jax._src.lax.lax"
_LOOPS, _SLICING = "jax._src.lax.control_flow.loops", "jax._src.lax.slicing"
_SIZES, _EXTRACT = "jax._src.api:_mapped_axis_size", "flax.nnx.extract"

_WORDS = "it only words the message of an error, or of a warning"
_SHORTER = "it only chooses between two ways to the same result, of which one moves fewer axes"
_HINT = "it tells the compiler of indices, which a CPU does not use"
_LATER = "the loop ends before this bound"
_IN_PLACE = (
    "the metadata of the same variables is changed in place, and these are put for themselves"
)
_NEVER = "no public call comes here"
_ANSWERED = "it is of an operand that is not mapped, which was answered before"
_LONGER_WAY = "it only chooses between two ways to the same axes, of which one is quicker"
_FOLDED = "it orders axes of which one is of size one, or which are then folded into one in the same order"
_MAPS_NOTHING = "the transforms that come here map nothing"
_ONE_PROCESS = "it is for a program of several processes"
_PARALLEL, _PMAP = "jax._src.lax.parallel", "jax._src.pmap"
_ALL_TO_ALL = f"{_PARALLEL}:_all_to_all_batched_collective"

REASONS: tuple[tuple[str, str, str, str], ...] = (
    *(
        (_SIZES, "*", code, _WORDS)
        for code in (
            "axis + 1",
            "axis >= 0",
            "-axis",
            "signature_parameters is None",
            "0",
            "1",
            "2",
        )
    ),
    *(
        (_SIZES, "*", code, _WORDS)
        for code in ("i >= len(signature_parameters)", "len(key_path) > 1", "ct == 1")
    ),
    (f"{_EXTRACT}:check_consistent_aliasing*", "if node_id in node_id_to_variable:", "*", _WORDS),
    ("flax.core.lift:vmap", "return pack(", "pack(*name='vmap')", _WORDS),
    (f"{_BATCHING}:broadcast_batcher", "*d == dim*", "d == dim → *", _SHORTER),
    (
        f"{_LAX}:_select_batch_rule",
        "elif np.ndim(which) == 0 and all(*",
        "bdim is not None",
        _SHORTER,
    ),
    (
        f"{_LAX}:_stack_batch_rule",
        "if axis <= bdim:",
        "axis <= bdim",
        "where the two are equal, the new axis may come before the batch axis or after it",
    ),
    (
        f"{_LAX}:_clamp_batch_rule",
        "elif np.ndim(min) == np.ndim(max) == 0:",
        "*",
        "what is mapped has an axis, so that neither is a scalar here",
    ),
    (
        f"{_LAX}:_clamp_batch_rule",
        "if 0 < np.ndim(max) < np.ndim(x):",
        "0 < *",
        "a scalar maximum was given x's shape before",
    ),
    (
        f"{_BATCHING}:_handle_scalar_broadcasting",
        "return *",
        "*",
        "axes of size one are added to a scalar, which the primitive broadcasts by itself",
    ),
    (
        f"{_SLICING}:_dynamic_slice_batching_rule",
        "slice_sizes=*indices_are_sorted=True,",
        "True",
        _HINT,
    ),
    (f"{_SLICING}:_dynamic_update_slice_batching_rule", "indices_are_sorted=True*", "True", _HINT),
    (f"{_SLICING}:_gather_batching_rule", "*indices_are_sorted=False*", "False", _HINT),
    (
        f"{_SLICING}:_dynamic_update_slice_batching_rule",
        "return api.vmap(",
        "*out_axes=0) → *",
        "it is the default",
    ),
    (
        f"{_SLICING}:_gather_batching_rule",
        "slice_sizes = (0,) + slice_sizes",
        "0",
        "where there are no examples nothing is read, and any size is allowed",
    ),
    (f"{_LOOPS}:_scan_batching_rule", "for _ in range(1 + len(carry_batched)):", "1", _LATER),
    (f"{_LOOPS}:_while_loop_batching_rule", "for _ in range(1 + len(carry_bat)):", "1", _LATER),
    (
        f"{_LOOPS}:_while_loop_batching_rule",
        "carry_bat = [True] * len(carry_bat)",
        "True",
        "only the length of the list is read from here on",
    ),
    (
        f"{_LOOPS}:_scan_batching_rule",
        "num_ys = len(jaxpr.out_avals) - num_carry",
        "*",
        "it makes a list longer, whose end is not read",
    ),
    (
        "jax._src.lax.windowed_reductions:_generic_reduce_window_batch_rule",
        "window_dilation = (1,) + window_dilation",
        "1",
        "the window is one wide along the batch axis, so that nothing is dilated",
    ),
    (
        "jax._src.lax.parallel:_batched_reduction_collective",
        "lambda d, v: (tuple(axis for axis in axes if axis != axis_data.name),",
        "*",
        "the function is for an operand that is not mapped, which was answered before",
    ),
    (
        "flax.nnx.transforms.iteration:_update_variable_sharding_metadata",
        "return *replace(*",
        "*",
        _IN_PLACE,
    ),
    (f"{_BATCHING}:make_iota", "*", "*", _NEVER),
    (f"{_BATCHING}:from_elt", "bdim_inferred = bdim if spec is infer else spec", "*", _NEVER),
    (f"{_BATCHING}:matchaxis", "elif src is None and dst is sum_axis:", "*", _NEVER),
    (f"{_BATCHING}:BatchTrace.process_call", "*", "*", _NEVER),
    (
        f"{_BATCHING}:matchaxis",
        "elif src is None and type(dst) is int:",
        "src is None and *",
        "every other case of either was answered before",
    ),
    (
        f"{_PARALLEL}:_reduction_with_positional_batcher",
        "v = v if d is None or d == 0 *",
        "d is None or d == 0",
        _SHORTER,
    ),
    (
        f"{_PARALLEL}:_reduction_with_positional_batcher",
        "unmapped_axes, unmapped_vals_in = *",
        "*",
        _ANSWERED,
    ),
    (
        f"{_PARALLEL}:_reduction_with_positional_batcher",
        "return (prim.bind(unmapped_vals_in, *",
        "*",
        _ANSWERED,
    ),
    (
        f"{_PARALLEL}:_reduction_with_positional_batcher",
        "prim.bind(unmapped_vals_in, *",
        "*",
        _ANSWERED,
    ),
    (
        f"{_PARALLEL}:_reduction_with_positional_batcher",
        "if prim is psum_invariant_p else",
        "*",
        _ANSWERED,
    ),
    (
        f"{_PARALLEL}:_psum_invariant_batching_rule",
        "psum_invariant_p, lambda v, axis_size: axis_size * v,",
        "*",
        _ANSWERED,
    ),
    (
        f"{_PARALLEL}:_ragged_all_to_all_batched_collective",
        "*",
        "*",
        "XLA runs ragged_all_to_all on accelerators alone, so that no call on a CPU comes to an end",
    ),
    (_ALL_TO_ALL, "d += (axis <= d)", "*", "the two are never equal: one was moved past the other"),
    (_ALL_TO_ALL, "x, d = lax.expand_dims(*", "0", _FOLDED),
    (_ALL_TO_ALL, "split_axis=split_axis, concat_axis=0,", "0", _FOLDED),
    (_ALL_TO_ALL, "x = _foldaxis(0, _foldaxis(0, x))", "0", _FOLDED),
    (_ALL_TO_ALL, "split_axis -= 2; *", "2", "the number is not read from here on"),
    (
        "jax._src.pjit:_sharding_constraint_batcher",
        "new_spec = list(vmapped_sharding.spec) + *",
        "x.ndim - len(vmapped_sharding.spec)",
        "it adds axes at the end that nothing shards",
    ),
    ("jax._src.shard_map:_shard_map_batch", "make_tracer = partial(*", "*", _WORDS),
    (
        "jax._src.lax.convolution:_conv_general_dilated_batch_rule",
        "(0,) + shape, 0,",
        "0",
        "it is the value of the elements of an array that has none",
    ),
    (
        f"{_LOOPS}:_batch_and_remainder",
        "num_batches, remainder = 0, leaves[0].shape[0]",
        "0",
        "a batch without examples comes before the rest, or a number is another one that is not zero",
    ),
    (f"{_PMAP}:host_local_array_to_global_array", "*", "*", _ONE_PROCESS),
    (f"{_PMAP}:global_array_to_host_local_array", "*", "*", _ONE_PROCESS),
    (f"{_PMAP}:_get_out_shardings", "*", "*", _ONE_PROCESS),
    (f"{_PMAP}:*", "*if process_count > 1:", "1", _ONE_PROCESS),
    (
        f"{_PMAP}:_get_mesh_devices",
        "elif process_count > 1:",
        "process_count > 1 → *",
        _ONE_PROCESS,
    ),
    (f"{_PMAP}:*", "*if not trace_state_clean and process_count > 1:", "1", _ONE_PROCESS),
    (
        f"{_PMAP}:_get_mesh_devices",
        "global_axis_size = local_axis_size * process_count",
        "*",
        _ONE_PROCESS,
    ),
    (
        f"{_PMAP}:_get_mesh_devices",
        "return tuple(xb.local_devices(backend=backend)[:local_axis_size])",
        "*",
        _ONE_PROCESS,
    ),
    (f"{_PMAP}:_pmap_wrap_init", "*fun_signature(f)*", "*", _WORDS),
    (f"{_PMAP}:_get_in_axes_flat", "if kwargs:", "*", _WORDS),
    (f"{_PMAP}:_get_in_axes_flat", "and all(isinstance(ax, int) *", "*", _LONGER_WAY),
    (
        f"{_PMAP}:_get_in_axes_flat",
        "if len(dyn_in_axes) == len(dyn_args) and *",
        "len(dyn_in_axes) == len(dyn_args) → *",
        _LONGER_WAY,
    ),
    (
        f"{_PMAP}:_cached_shard_map",
        "_pmapped = shard_map(*",
        "shard_map(*axis_names=*",
        "all axes of the mesh are its axes without being named",
    ),
    (
        f"{_PMAP}:_cached_shard_map",
        "jitted_f_with_shardings = api.jit(",
        "*out_shardings=out_global_shardings) → *",
        "the specs of the shard_map within say the same",
    ),
    (f"{_PARALLEL}:_pbroadcast_batcher", "if axis_size == 1 and remaining_axes:", "*", _NEVER),
    (
        f"{_PARALLEL}:_pbroadcast_batcher",
        "return pbroadcast_p.bind(*axis_name=remaining_axes*",
        "*",
        _NEVER,
    ),
    (
        "jax._src.lax.control_flow.conditionals:_cond_batching_rule",
        "*_batched *= [True] * len(branches[0].*",
        "0",
        "all branches have the same types",
    ),
    (
        f"{_LOOPS}:_while_loop_batching_rule",
        "elif old_axis is None and new_axis is None:",
        "old_axis is None and new_axis is None → *",
        "what is mapped before is mapped after, and the other case was answered before",
    ),
    (
        "jax._src.lax.control_flow.solves:_linear_solve_batching_rule",
        "x_bat = [False] * len(solve.out_avals)",
        "False",
        "it only maps more than need be",
    ),
    (
        f"{_LAX}:_stack_batch_rule",
        "if all(b == bdim for b in batch_dims) and *",
        "*b*dim*",
        _SHORTER,
    ),
    (
        f"{_LAX}:_clamp_batch_rule",
        "if np.ndim(max) == 0 and np.ndim(x) > 0:",
        "np.ndim(x) > 0 → *",
        "a scalar stays one where it is broadcast to no axes",
    ),
    ("flax.core.lift:pack", "if not enable_kwargs and kwargs:", "*", _WORDS),
    (
        "flax.linen.transforms:lift_direct_transform",
        "return decorator_lift_transform(",
        "*multi_scope=multi_scope) → *",
        "a map gives what is the default",
    ),
    (f"{_EXTRACT}:check_consistent_aliasing2", "if node_id in node_id_to_variable:", "*", _WORDS),
    (
        "jax._src.state.primitives:_batch_indexer",
        "return indexing.NDIndexer(",
        "*validate=True) → *",
        "it checks what was checked where the reference was indexed",
    ),
    ("flax.linen.transforms:lift_direct_transform", "for target in targets:", "*", _MAPS_NOTHING),
    (f"{_EXTRACT}:slice_at", "*", "*", _NEVER),
    (
        f"{_EXTRACT}:Updates.create",
        "for key, value in items:",
        "*",
        "it is only called without items",
    ),
    (f"{_EXTRACT}:Opaque.__hash__", "*", "*", _NEVER),
    (f"{_EXTRACT}:Updates.__*__", "*", "*", _NEVER),
    ("flax.linen.transforms:lift_transform_cached", "*", "*", _MAPS_NOTHING),
    (f"{_EXTRACT}:filter_kwargs", "*", "*", _MAPS_NOTHING),
    (
        "jax._src.ad_checkpoint:offload_dot_with_no_batch_dims",
        "if not lhs_b and not rhs_b:",
        "*",
        "it only chooses what is kept for a gradient",
    ),
    (
        f"{_BATCHING}:BatchTracer.__init__",
        "elif isinstance(aval, hijax.HiType):",
        "*",
        _NEVER,
    ),
    (f"{_BATCHING}:matchaxis", "axis_data.name is not core.no_axis_name):", "*", _WORDS),
    (
        f"{_PMAP}:pmap",
        "return stages.Lowered(",
        "*no_kwargs=lowered._no_kwargs) → *",
        "it is False, as it is by default",
    ),
)
"""By globs: the function, the line of the source, and the slip as `before` or `before → after`; then the
reason. A bracket stands for itself."""


def reason(slip: SlipResult) -> str:
    """Why the slip cannot be noticed; empty where it is not known that it cannot."""
    target = targets().get(slip.target)
    line = linecache.getline(target.file, slip.line).strip() if target is not None else ""
    codes = slip.before, f"{slip.before} → {slip.after}"
    for function, source, code, why in REASONS:
        matches = _matches(slip.target, function) and _matches(line, source)
        if matches and any(_matches(each, code) for each in codes):
            return why
    return ""


def _matches(text: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(text, glob.replace("[", "[[]"))
