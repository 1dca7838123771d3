"""Each subject where two rules meet notices a slip in JAX's source, and passes without it."""

from fnmatch import fnmatchcase
from typing import Any

import jax
import pytest

from conformance.mutation.control import first_violation, unbroken
from conformance.mutation.rule_faults import RULE_MUTANTS
from conformance.mutation.rule_mutants import mutate_rule
from conformance.mutation.source.operators import slips
from conformance.mutation.source.targets import replaced, targets
from conformance.transforms import TRANSFORMS
from properties.applicability import unavailable
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS
from properties.subjects.batching_rules.around import AROUND
from properties.subjects.batching_rules.corners import CORNERS
from tests.conformance.mutation.rewriting import WRITTEN_FOR, control_of, is_noticed, rewritten

BATCHING = "jax._src.interpreters.batching"
CONDITIONALS = "jax._src.lax.control_flow.conditionals"
LOOPS = "jax._src.lax.control_flow.loops"
STATE = "jax._src.state.primitives"
ZEROS, NO_ZEROS = "type({}) is SymbolicZero", "type({}) is not SymbolicZero"
VALUES, SUMS = "mapping.equals-per-example", "gradients.shared-sum"

FAULTS = {
    "lax.custom_vmap_call.mixed": (
        *(VALUES, "jax._src.custom_batching:custom_vmap_batching"),
        *("0 if b else None", "0 if not b else None"),
    ),
    "lax.custom_vjp_call.integers": (
        *(VALUES, f"{BATCHING}:BatchTrace.process_custom_vjp_call"),
        *("not fst", "fst"),
    ),
    "lax.custom_vjp_call.mixed-tangents": (
        *(SUMS, f"{BATCHING}:batch_custom_vjp_bwd"),
        *(ZEROS.format("x"), NO_ZEROS.format("x")),
    ),
    "lax.custom_jvp_call.mixed-tangents": (
        *(SUMS, f"{BATCHING}:batch_custom_jvp_subtrace"),
        *(ZEROS.format("val"), NO_ZEROS.format("val")),
    ),
    "lax.remat_opt.collective": (
        *(VALUES, "jax._src.custom_derivatives:_remat_opt_vmap"),
        *("0 if b else None", "0 if not b else None"),
    ),
    "lax.cond.checked": (
        *(VALUES, f"{LOOPS}:_scan_batching_rule"),
        *("now_batched and (not was_batched)", "now_batched or not was_batched"),
    ),
    "lax.cond.infinite-elsewhere": (
        *("gradients.per-example", f"{CONDITIONALS}:_cond_batching_rule"),
        *("0 if b else None", "0 if not b else None"),
    ),
    "lax.cond.operand-ignored": (
        *(VALUES, f"{CONDITIONALS}:_cond_batching_rule"),
        "batching.moveaxis(x, d, 0) if b else x",
        "batching.moveaxis(x, d, 0) if not b else x",
    ),
    "lax.cond.constant-first": (
        *(VALUES, f"{CONDITIONALS}:_cond_batching_rule"),
        "batching.moveaxis(x, d, 0) if b else x",
        "batching.moveaxis(x, d, 0) if not b else x",
    ),
    "lax.custom_vmap_call.says-what-is-mapped": (
        *(VALUES, "jax._src.custom_batching:custom_vmap_jvp"),
        *("d is not None", "d is None"),
    ),
    "lax.convert_element_type.weak": (
        *(VALUES, "jax._src.lax.lax:_convert_element_type_batching_rule"),
        "dict(new_dtype=new_dtype, weak_type=weak_type, sharding=sharding)",
        "dict(new_dtype=new_dtype, weak_type=weak_type)",
    ),
    "lax.custom_linear_solve.diagonal": (
        *(VALUES, "jax._src.lax.control_flow.solves:_linear_solve_batching_rule"),
        *("d != 0", "d == 0"),
    ),
    "lax.cond.derivative-of-map": (
        *(VALUES, f"{CONDITIONALS}:_cond_batching_rule"),
        *("0 if b else None", "0 if not b else None"),
    ),
    "lax.while.map-of-maps": (
        *(VALUES, f"{LOOPS}:_while_loop_batching_rule"),
        *("cond_rank if b else None", "cond_rank if not b else None"),
    ),
    "lax.select_n.square": (
        *(VALUES, "jax._src.lax.lax:_select_batch_rule"),
        *("case_bdims[0] == bdim", "case_bdims[0] != bdim"),
    ),
    "lax.custom_jvp_call.derivative-of-map": (
        *(VALUES, f"{BATCHING}:batch_custom_jvp_subtrace"),
        *(ZEROS.format("val"), NO_ZEROS.format("val")),
    ),
    "lax.all_to_all.between": (
        *(VALUES, "jax._src.lax.parallel:_all_to_all_batcher"),
        *("d <= concat_axis", "d < concat_axis"),
    ),
    "lax.scan.constant-carry": (
        *(VALUES, f"{LOOPS}:_scan_batching_rule"),
        *("carry_batched_out == carry_batched", "carry_batched_out != carry_batched"),
    ),
    "lax.while.condition-alone": (
        *(VALUES, f"{LOOPS}:_while_loop_batching_rule"),
        *("cond_rank if b else None", "cond_rank if not b else None"),
    ),
    "lax.while.condition-later": (
        *(VALUES, f"{LOOPS}:_while_loop_batching_rule"),
        *("carry_bat == carry_bat_out", "carry_bat != carry_bat_out"),
    ),
    "lax.get.indexers": (
        *(VALUES, f"{STATE}:_get_vmap"),
        *("not new_int_indexers_contiguous", "new_int_indexers_contiguous"),
    ),
    **dict.fromkeys(
        ("lax.get.beside-number", "lax.swap.beside-number"),
        (
            *(VALUES, f"{STATE}:_batch_indexer"),
            *("not indexer.int_indexer_shape", "indexer.int_indexer_shape"),
        ),
    ),
    "lax.swap.indexers": (
        *(VALUES, f"{STATE}:_batch_indexer"),
        *("np.ndim(idx) + 1", "np.ndim(idx) - 1"),
    ),
    "lax.addupdate.indexers": (
        *(VALUES, f"{STATE}:_addupdate_vmap"),
        *("1 + original_pos", "1 - original_pos"),
    ),
    "lax.get.arrays": (
        *(VALUES, f"{STATE}:_get_vmap"),
        "array_indexer_len + original_pos",
        "array_indexer_len - original_pos",
    ),
    "lax.get.outside": (
        *(VALUES, f"{STATE}:_get_vmap"),
        *("if new_int_indexers_contiguous", "if not new_int_indexers_contiguous"),
    ),
    "lax.swap.arrays": (
        *(VALUES, f"{STATE}:_swap_vmap"),
        "np.diff(np.where(is_new_int_indexing)[0]) == 1",
        "np.diff(np.where(is_new_int_indexing)[0]) != 1",
    ),
    "lax.addupdate.arrays": (
        *(VALUES, f"{STATE}:_addupdate_vmap"),
        "1 + original_pos + (array_indexer_len - 1)",
        "1 + original_pos - (array_indexer_len - 1)",
    ),
    "lax.addupdate.whole": (
        *(VALUES, f"{STATE}:_addupdate_vmap"),
        *("val_dim != ref_dim", "val_dim == ref_dim"),
    ),
    "lax.scan.in-batches": (
        *(VALUES, f"{LOOPS}:_batch_and_remainder"),
        *("if remainder", "if not remainder"),
    ),
    "lax.add.own-primitive": (
        *(VALUES, f"{BATCHING}:PrimitiveBatchersProxy.__setitem__"),
        "(o, [None] * len(o)) if prim.multiple_results else (o, None)",
        "(o, [None] * len(o)) if not prim.multiple_results else (o, None)",
    ),
    "lax.clamp.one-scalar": (
        *(VALUES, "jax._src.lax.lax:_clamp_batch_rule"),
        *("min_bdim == x_bdim == max_bdim", "min_bdim != x_bdim == max_bdim"),
    ),
    "lax.stack.one": (*(VALUES, "jax._src.lax.lax:_stack_batch_rule"), *("0", "1")),
    "lax.scatter.in-a-map": (
        *(VALUES, "jax._src.lax.slicing:_scatter_batching_rule"),
        "ScatterDimensionNumbers(*=dimension_numbers.scatter_indices_batching_dims)",
        "ScatterDimensionNumbers(*=operand_batching_dims)",
    ),
    "lax.dynamic_update_slice.past-the-end": (
        *(VALUES, "jax._src.lax.slicing:_dynamic_update_slice_batching_rule"),
        *("partial(scatter, *mode=*CLIP)", "partial(scatter, *True)"),
    ),
    "lax.select_n.one-case": (*(VALUES, "jax._src.lax.lax:_select_batch_rule"), *("0", "1")),
    "lax.tridiagonal_solve.shared-matrices": (
        *(VALUES, "jax._src.lax.linalg:_tridiagonal_solve_batching_rule"),
        *("3", "4"),
    ),
}
"""A law, a function of JAX, and what of its code becomes what."""
REPORTED = {
    # jax-ml/jax#28144
    "lax.custom_jvp_call.zero-slopes": (
        f"{BATCHING}:_matchaxis_symzeros",
        "return type(x)(core.unmapped_aval(axis_data.size, dst, x.aval,",
        "return Zero(core.unmapped_aval(axis_data.size, dst, x.aval,",
    ),
    # jax-ml/jax#31448
    "lax.custom_jvp_call.zero-slopes, of what is not used": (
        "jax._src.custom_derivatives:_custom_jvp_call_dce",
        "[*used_outs, *nz_used_outs]",
        "[*used_outs, *used_outs]",
    ),
    # jax-ml/jax#34228
    "lax.dynamic_slice.slopes-past-the-end": (
        "jax._src.lax.slicing:_dynamic_slice_batching_rule",
        "mode=GatherScatterMode.CLIP",
        "mode=GatherScatterMode.PROMISE_IN_BOUNDS",
    ),
    # jax-ml/jax#16713
    "lax.scatter.applied": (
        "jax._src.lax.slicing:_scatter_batching_rule",
        "operand_bdim, indices_bdim, updates_bdim = batch_dims",
        (
            "operand_bdim, indices_bdim, updates_bdim = batch_dims\n"
            "  if scatter_op is scatter_p: update_jaxpr, update_consts = None, ()"
        ),
    ),
    # jax-ml/jax#23000
    "lax.remat_opt.constants": (
        "jax._src.custom_derivatives:_remat_opt_vmap",
        (
            "extra_consts = batched_fwd_jaxpr.consts\n  batched_fwd_jaxpr = pe.close_jaxpr(\n"
            "      pe.convert_constvars_jaxpr(batched_fwd_jaxpr.jaxpr))"
        ),
        "extra_consts = []",
    ),
    # jax-ml/jax 9d4e2c5bd9, before jax 0.10.1
    "lax.get.outside": (
        f"{STATE}:_get_vmap",
        "if new_int_indexers_contiguous:\n        out_bdim = is_new_int_indexing.index(True)",
        "if any(is_int_indexing):\n        out_bdim = is_int_indexing.index(True)",
    ),
}
"""Faults that users met: by the subject, a function of JAX, and what of its code was otherwise before."""
EXPANDED, VECTORIZED = "lax.pure_callback.expanded", "lax.mul.vectorized"
CHECKS_KEYS = "lax.random_split.key-reuse"
NOT_SEEN_BY = {
    "lax.get.indexers": "lax.get",
    "lax.swap.indexers": "lax.swap",
    "lax.addupdate.indexers": "lax.addupdate",
    "lax.get.outside": "lax.get.indexers",
    "lax.addupdate.arrays": "lax.addupdate.indexers",
    "lax.addupdate.whole": "lax.addupdate.indexers",
}
"""Subjects of the same rules that do not notice the slip."""


def noticed(fault: tuple[str, str, str, str], subject: str) -> list[bool]:
    """Whether the law notices each of the slips, on calls that it accepts without."""
    law, function, before, after = fault
    target = targets().get(function)
    made = (
        [
            s
            for s in slips(target.definition)
            if fnmatchcase(s.before, before.replace("[", "[[]"))
            and fnmatchcase(s.after, after.replace("[", "[[]"))
        ]
        if target
        else []
    )
    if target is None or not made:
        assert jax.__version__ != WRITTEN_FOR
        pytest.skip(f"jax {jax.__version__} has {function} written otherwise, or not at all")
    if reason := unavailable(SUBJECTS[subject]):
        pytest.skip(reason)
    vmap = TRANSFORMS["jax.vmap"]
    control = unbroken(LAWS[law], vmap, SUBJECTS[subject], PROFILES["quick"])
    if not control.calls:
        assert jax.__version__ != WRITTEN_FOR
        pytest.skip("a known defect of this release affects every call")
    assert control.violation is None
    found = []
    for slip in made:
        with replaced(target, slip.definition) as there:
            assert there
            jax.clear_caches()
            try:
                found.append(first_violation(LAWS[law], vmap, control.calls) is not None)
            except Exception:
                found.append(True)
    jax.clear_caches()
    return found


@pytest.mark.parametrize("subject", FAULTS)
def test_a_slip_is_noticed_and_the_function_as_it_is_passes(subject: str) -> None:
    assert any(noticed(FAULTS[subject], subject))


@pytest.mark.parametrize("subject", NOT_SEEN_BY)
def test_a_slip_in_indexing_is_not_noticed_by_the_subject_of_one_index(subject: str) -> None:
    assert not any(noticed(FAULTS[subject], NOT_SEEN_BY[subject]))


def test_a_broken_rule_is_noticed_where_key_reuse_is_checked() -> None:
    control, *mutants = mutate_rule("random_split", [CHECKS_KEYS])
    assert control.killed_by is None
    assert [each.mutant for each in mutants if not each.survived] == list(RULE_MUTANTS)


def test_a_callback_that_is_given_copies_of_what_is_shared_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, honest = control_of(EXPANDED), jax.pure_callback

    def copying(*given: Any, **named: Any) -> Any:
        return honest(*given, **{**named, "vmap_method": "broadcast_all"})

    monkeypatch.setattr(jax, "pure_callback", copying)
    assert is_noticed(calls)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("append(len(broadcast_shape) - 1 - negdim)", "append(-1 - negdim)"),
        ("_apply_excluded(excluded_func, none_args, args, {})", "(excluded_func, args[:2], {})"),
        ("pad_ndim * (1,) + noncore_shape", "noncore_shape + pad_ndim * (1,)"),
    ],
)
def test_axes_of_one_that_are_put_back_elsewhere_are_noticed(
    before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = control_of(VECTORIZED)
    _, broken = rewritten("jax._src.numpy.vectorize:vectorize", before, after)
    monkeypatch.setattr(jax.numpy, "vectorize", broken)
    assert is_noticed(calls)


@pytest.mark.parametrize("subject", REPORTED)
def test_a_fault_that_users_met_is_noticed(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, now, before = REPORTED[subject]
    calls = control_of(subject.split(", ", maxsplit=1)[0])
    function, broken = rewritten(where, now, before)
    # The function itself is registered: it stays, and does something else.
    monkeypatch.setattr(function, "__code__", broken.__code__)
    assert is_noticed(calls)


def test_no_subject_is_left_out() -> None:
    # `test_planted_faults` breaks the gradient by what devices share.
    elsewhere = "lax.psum.gradients-over-devices"
    # Every release violates the law on it.
    of_a_defect = "lax.get.indexed-twice"
    reported = {subject.split(", ")[0] for subject in REPORTED}
    assert {*FAULTS, *reported, CHECKS_KEYS, EXPANDED, VECTORIZED, elsewhere, of_a_defect} == {
        subject.name for subject in (*CORNERS, *AROUND)
    }
