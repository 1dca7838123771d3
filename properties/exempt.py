"""Batching rules that no program on a CPU reaches through what JAX makes public, each with its reason."""

_ACCELERATOR = "only cuDNN and its kind run it: an accelerator is needed"
_DEVICES = "it sends between devices, which JAX's CPU devices do not do"
_INTERNAL = "JAX makes no function public that calls it under a map"
_VARYING = "it casts between the types of values that differ across devices, inside shard_map only"

EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        (
            "dot_product_attention_bwd_wrapper",
            "dot_product_attention_fp8_bwd_wrapper",
            "dot_product_attention_fp8_fwd_wrapper",
            "dot_product_attention_fwd_wrapper",
            "scaled_dot",
            "scaled_matmul",
            "scaled_matmul_wrapper",
        ),
        _ACCELERATOR,
    ),
    "with_memory_space_constraint": "only Pallas kernels on a TPU call it",
    **dict.fromkeys(("precv", "psend", "ragged_all_to_all"), _DEVICES),
    **dict.fromkeys(
        (
            "call_hi_primitive",
            "call_hi_primitive_linearized",
            "custom_lin",
            "debug_print",
            "eval_jaxpr",
            "ffi_call",
            "from_edtype",
            "layout_constraint",
            "remat_opt",
            "reshard",
            "stage",
            "tie",
            "to_edtype",
        ),
        _INTERNAL,
    ),
    **dict.fromkeys(
        (
            "all_gather_invariant",
            "all_gather_reduced",
            "preduced",
            "reduced_vary_cast",
            "reduced_vary_cast_p",
            "unreduced_pmax",
            "unreduced_pmin",
            "unreduced_psum",
            "unreduced_reduce_scatter",
            "vary_unreduced_cast",
            "vary_unreduced_cast_p",
        ),
        _VARYING,
    ),
}
