"""Each subject of what rules and maps are used in notices a fault of JAX's, and passes without it."""

import sys

import pytest

from properties.subjects.batching_rules import USED
from tests.conformance.mutation.faults_of_calls import OF_CALLS
from tests.conformance.mutation.rewriting import control_of, is_noticed, rewritten

BATCHING = "jax._src.interpreters.batching"
STATE = "jax._src.state.primitives"
SPARSE_MATRICES = "jax.experimental.sparse.bcoo"
LOOPS = "jax._src.lax.control_flow.loops"
SLOPED = "lax.broadcast_in_dim.slopes-on-a-mesh"
TYPED = "lax.convert_element_type.on-a-mesh"
COUNTED = """
    counted = lax.iota(indices.dtype, operand.shape[0])
    operand = operand[lax.convert_element_type(counted, "int32")]
"""
"""What takes for each example the one whose number the dtype of the indices makes of its own."""
FAULTS = (
    *OF_CALLS,
    (
        "lax.select_n.as-numpy",
        "jax._src.numpy.ufuncs:rint",
        "RoundingMethod.TO_NEAREST_EVEN",
        "RoundingMethod.AWAY_FROM_ZERO",
    ),
    (
        "lax.floor.as-numpy",
        "jax._src.numpy.ufuncs:heaviside",
        "_where(lax._isnan(x1), x1, x2)",
        "x2",
    ),
    (
        "lax.gather.as-numpy",
        "jax._src.numpy.indexing:_index_to_gather",
        "np.all(np.diff(is_advanced) == 1)",
        "np.all(np.diff(is_advanced) <= 2)",
    ),
    (
        "lax.scatter.as-numpy",
        "jax._src.numpy.indexing:_index_to_gather",
        "np.all(np.diff(is_advanced) == 1)",
        "np.all(np.diff(is_advanced) <= 2)",
    ),
    (
        "lax.bitcast_convert_type.as-numpy",
        "jax._src.numpy.lax_numpy:packbits",
        "lax.ne(arr",
        "lax.gt(arr",
    ),
    (
        "lax.pvary.of-what-is-made",
        "jax._src.numpy.hijax:_searchsorted_scan_impl",
        "(core.pvary(unsigned_dtype(0), vma), core.pvary(unsigned_dtype(n), vma))",
        "(unsigned_dtype(0), unsigned_dtype(n))",
    ),
    (
        "lax.get.slopes",
        f"{STATE}:_get_transpose_fancy",
        "if transforms and",
        "if idx and",
    ),
    (
        TYPED,
        "jax._src.numpy.lax_numpy:tril",
        ", out_sharding=core.typeof(m).sharding",
        "",
    ),
    # What a rule closes over is mapped, and what it is given is not.
    (
        "lax.custom_jvp_call.closures",
        f"{BATCHING}:BatchTrace.process_custom_jvp_call",
        "return [BatchTracer(self, v, d, src) for v",
        "return out_vals if in_dims.count(None) == len(in_dims) else [BatchTracer(self, v, d, src) for v",
    ),
    (
        "lax.custom_jvp_call.closures",
        f"{BATCHING}:BatchTrace.process_custom_vjp_call",
        "src = source_info_util.current()",
        "out_dims = [max((d for d in in_dims if d is not None), default=None)] * len(out_dims); src = None",
    ),
    (
        "lax.custom_vmap_call.composed",
        "jax._src.custom_batching:custom_vmap_batching",
        "[0 if b else None for b in flat_out_batched]",
        "[0 if b and all(flat_in_batched[-1:]) else None for b in flat_out_batched]",
    ),
    (
        "lax.custom_vmap_call.composed",
        "jax._src.custom_batching:custom_vmap.__call__",
        "api_util.resolve_kwargs(self.fun, args, kwargs)",
        "tuple(args)",
    ),
    (
        "lax.jit.constants-of-rules",
        "jax._src.ad_checkpoint:remat_vmap",
        "jaxpr_batched = pe.convert_constvars_jaxpr(jaxpr_batched)",
        "consts = []",
    ),
    (
        "lax.axis_index.within",
        "jax._src.lax.control_flow.loops:_while_loop_batching_rule",
        "  if pred_bat:",
        "  if pred_bat and any(bconst_bat + cconst_bat + init_bat):",
    ),
    (
        "lax.psum.of-trees",
        "jax._src.lax.parallel:_batched_reduction_collective",
        "if axis != axis_data.name else d for axis in axes)",
        "if axis not in (axis_data.name, 'k') else d for axis in axes)",
    ),
    (
        "lax.cond.stays-shared",
        "jax._src.ad_checkpoint:remat_vmap",
        "[batching.zero_if_mapped] *",
        "[0] *",
    ),
    (
        "lax.jit.of-trees",
        "jax._src.api:vmap",
        "if isinstance(in_axes, list):",
        "if isinstance(in_axes, set):",
    ),
    (
        "lax.while.under-settings",
        "jax._src.lax.control_flow.loops:while_loop",
        "except core.ConcretizationTypeError:",
        "except ZeroDivisionError:",
    ),
    (
        "lax.scan.without-leaks",
        f"{BATCHING}:BatchTrace.process_primitive",
        "vals_in, dims_in = unzip2(map(self.to_batch_info, tracers))",
        "vals_in, dims_in = unzip2(map(self.to_batch_info, tracers)); type(self).kept = tracers",
    ),
    (
        "lax.swap.given",
        f"{STATE}:_swap_vmap",
        "val = batching.moveaxis(val, val_dim, batched_dim_in_result)",
        "val = batching.moveaxis(val, val_dim, 0)",
    ),
    (
        "lax.addupdate.within",
        f"{STATE}:_array_ref_batched",
        "return core.ref_p.bind(val2, memory_space=memory_space, kind=kind), 0",
        "return core.ref_p.bind(val, memory_space=memory_space, kind=kind), None",
    ),
    (
        "lax.addupdate.accumulated",
        f"{STATE}:_addupdate_vmap",
        "if val_dim != ref_dim:",
        "if val_dim is not None and val_dim != ref_dim:",
    ),
    (
        "lax.mul.pulled-back",
        "jax._src.api:jacfwd",
        "out_axes=(None, -1, None)",
        "out_axes=(None, -1, 0)",
    ),
    (
        "lax.mul.pulled-back",
        "jax._src.api:_lift_linearized",
        "a2tz(aval).instantiate() if known",
        "a2tz(aval) if known",
    ),
    (
        "lax.remat2.named",
        "jax._src.ad_checkpoint:name_batcher",
        "name_p.bind(x, name=name), d",
        "name_p.bind(x, name=name), None if d is None else 0",
    ),
    (
        "lax.custom_linear_solve.roots",
        "jax._src.lax.control_flow.solves:_linear_solve_batching_rule",
        "num_aux = len(solve.out_avals) - num_operator_out_avals",
        "num_aux = 0",
    ),
    (
        "lax.gather.placed",
        "jax._src.lax.slicing:_batch_dynamic_slice_indices",
        "if len(indices) == 0:",
        "if len(indices) < 0:",
    ),
    (
        "lax.random_bits.drawn",
        f"{BATCHING}:broadcast_batcher",
        "ndim = max(np.ndim(x)",
        "ndim = min(np.ndim(x)",
    ),
    (
        "lax.bcoo_dot_general.of-places",
        f"{SPARSE_MATRICES}:_bcoo_dot_general_batch_rule",
        "batch_size=None if rhs_bdim is None else rhs.shape[rhs_bdim])",
        "batch_size=None)",
    ),
    (
        "lax.bcoo_fromdense.of-positive",
        f"{SPARSE_MATRICES}:_bcoo_fromdense_batching_rule",
        "(bdim, bdim)",
        "(bdim, bdim + 1)",
    ),
    (
        "lax.shard_map.of-maps",
        "jax._src.shard_map:_shard_map_batch",
        "else:\n    new_in_specs = [sp if d is None else pxla.batch_spec(sp, d, None)",
        "else:\n    new_in_specs = [sp if d is None else pxla.batch_spec(sp, 0, None)",
    ),
    (
        "lax.remat2.policies",
        "jax._src.ad_checkpoint:remat_vmap",
        "jaxpr=jaxpr_batched, **params)",
        "jaxpr=jaxpr_batched, **{**params, 'policy': None})",
    ),
    (
        "lax.remat2.policies",
        "jax._src.ad_checkpoint:SaveAnyNamesButThese.__call__",
        "return False  # only allow saving named values",
        "return True",
    ),
    (
        "lax.jit.slopes-of-options",
        "jax._src.pjit:_pjit_jvp",
        "(*in_shardings, *_filter_zeros_in(in_shardings))",
        "in_shardings",
    ),
    (
        "lax.gather.sizes-as-arrays",
        "jax._src.numpy.lax_numpy:_repeat",
        "if np.ndim(repeats) == 0 and np.ndim(arr) != 0:",
        "if np.size(repeats) == 1 and np.ndim(arr) != 0:",
    ),
    (
        "lax.polygamma.second-slopes",
        "jax._src.lax.special:polygamma_gradx",
        "add(m, _const(m, 1))",
        "m",
    ),
    (
        "lax.polygamma.second-slopes",
        "jax._src.random.core:_gamma_grad",
        "samples = jnp.reshape(sample, -1)",
        "samples = lax.stop_gradient(jnp.reshape(sample, -1))",
    ),
    (
        "lax.shard_map.nested",
        "jax._src.shard_map:_shard_map_lowering_shardy",
        "newly_manual_axes = order_wrt_mesh(mesh, newly_manual_axes)",
        "newly_manual_axes = order_wrt_mesh(mesh, newly_manual_axes | set(mesh.manual_axes))",
    ),
    (
        "lax.psum.derivatives-within",
        "jax._src.lax.parallel:_ppermute_transpose_rule",
        "zip(dsts, srcs)",
        "zip(srcs, dsts)",
    ),
    (
        "lax.scatter.derivatives-within",
        "jax._src.lax.slicing:_dynamic_update_slice_jvp",
        "bind(g_operand, g_update, *start_indices)",
        "bind(g_operand, update, *start_indices)",
    ),
    (
        "lax.custom_jvp_call.rules-within",
        "jax._src.custom_derivatives:custom_jvp.defjvps",
        "if jvp else zeros",
        "if jvp else t",
    ),
    (
        SLOPED,
        "jax._src.lax.slicing:_dynamic_update_slice_transpose_rule",
        "zeros = lax._zeros(t, shape=update_ct_aval.shape, sharding=update_ct_aval.sharding)",
        "zeros = lax.full(update_ct_aval.shape, 0, t.dtype)",
    ),
    # A name that is no tuple yet has letters.
    (
        TYPED,
        "jax._src.api:vmap",
        "spmd_axis_name = (spmd_axis_name,)",
        "spmd_axis_name = tuple(spmd_axis_name)",
    ),
    (
        TYPED,
        "jax._src.api:vmap",
        "tuple(i for i in spmd_axis_name if mesh.shape[i] != 1)",
        "tuple(i for i in spmd_axis_name)",
    ),
    (
        TYPED,
        "jax._src.lax.lax:_convert_element_type_batching_rule",
        "sharding = batching.get_sharding_for_vmap(axis_data, sharding, operand_bdim)",
        "pass",
    ),
    (
        TYPED,
        "jax._src.lax.lax:_convert_element_type_batching_rule",
        "convert_element_type_p.bind(operand, **new_params), operand_bdim",
        "convert_element_type_p.bind(operand, **new_params), min(operand_bdim, 1)",
    ),
    (
        TYPED,
        "jax._src.pjit:_reshard_batcher",
        "axis_data, dst_sharding, d)",
        "axis_data, dst_sharding, 0)",
    ),
    # The number of an example is of the dtype of the indices.
    (
        "lax.gather.more-than-indices-count",
        "jax._src.lax.slicing:_gather_batching_rule",
        "    operand = batching.moveaxis(operand, operand_bdim, 0)\n    indices = ",
        f"    operand = batching.moveaxis(operand, operand_bdim, 0){COUNTED}    indices = ",
    ),
    (
        "lax.gather.more-than-indices-count",
        "jax._src.lax.slicing:_scatter_batching_rule",
        "  if indices_bdim is None:",
        f"  if indices_bdim is not None:{COUNTED}  if indices_bdim is None:",
    ),
    (
        "lax.scan.in-batches-of-any-size",
        f"{LOOPS}:_batch_and_remainder",
        "divmod(leaves[0].shape[0], batch_size)",
        "divmod(leaves[0].shape[0], min(batch_size, 5))",
    ),
    (
        "lax.scan.in-batches-of-any-size",
        f"{LOOPS}:_batch_and_remainder",
        "  elif remainder:",
        "  elif remainder > 1:",
    ),
    (
        "lax.scan.in-batches-of-any-size",
        f"{LOOPS}:_remainder_leaf",
        "return l[batch_elems:]",
        "return l[max(batch_elems, 1):]",
    ),
)
"""A subject, a function of JAX, what it is written as, and what it is with a fault."""
OF_DEFECTS = {
    "lax.custom_vmap_call.in-a-branch",
    "lax.sharding_constraint.called-again",
    "lax.custom_jvp_call.exponential-integrals",
    "lax.gather.repeated",
    "lax.shard_map.nested-slopes",
    "lax.reduce_prod.slope-on-a-mesh",
    "lax.device_put.on-a-mesh",
    "lax.conv_general_dilated.on-a-mesh",
    "lax.while.checked",
    "lax.scatter.checked",
}
"""Subjects of which the release that the faults are written for violates the law."""


@pytest.mark.parametrize(
    ("subject", "where", "now", "fault"), FAULTS, ids=[f"{s}, {w}" for s, w, *_ in FAULTS]
)
def test_a_fault_is_noticed_and_the_function_as_it_is_passes(
    subject: str, where: str, now: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if subject == "lax.scan.without-leaks" and sys.version_info >= (3, 13):
        pytest.skip("Python cannot read the frames of a function whose code is another one")
    calls = control_of(subject)
    function, broken = rewritten(where, now, fault)
    # The function itself is registered: it stays, and does something else.
    monkeypatch.setattr(function, "__code__", broken.__code__)
    assert is_noticed(calls)


def test_no_subject_is_left_out() -> None:
    subjects = {each.name for each in USED}
    assert {*(subject for subject, *_ in FAULTS), *OF_DEFECTS} == subjects
