"""Batching rules that no program on a CPU reaches through what JAX makes public, each with its reason."""

_ACCELERATOR = "only cuDNN and similar libraries run it: it needs an accelerator"
_DEVICES = "it sends between devices, which JAX's CPU devices do not do"
_INTERNAL = "JAX makes no function public that calls it under a map"
_UNREDUCED = "its operands come from a rule that raises NotImplementedError under a map"

UNREACHABLE_RULES: dict[str, str] = {
    **dict.fromkeys(
        (
            "dot_product_attention_bwd_wrapper",
            "dot_product_attention_fp8_bwd_wrapper",
            "dot_product_attention_fp8_fwd_wrapper",
            "dot_product_attention_fwd_wrapper",
            "scaled_matmul",
            "scaled_matmul_wrapper",
        ),
        _ACCELERATOR,
    ),
    "ffi_call": "it calls what a user has compiled; jaxlib's own targets are private",
    "with_memory_space_constraint": "only Pallas kernels on a TPU call it",
    **dict.fromkeys(("precv", "psend", "ragged_all_to_all"), _DEVICES),
    **dict.fromkeys(
        (
            "call_hi_primitive",
            "call_hi_primitive_linearized",
            "custom_lin",
            "eval_jaxpr",
            "from_edtype",
            "stage",
            "tie",
            "to_edtype",
        ),
        _INTERNAL,
    ),
    **dict.fromkeys(
        (
            "reduced_vary_cast",
            "reduced_vary_cast_p",
            "unreduced_pmax",
            "unreduced_pmin",
            "unreduced_psum",
            "unreduced_reduce_scatter",
        ),
        _UNREDUCED,
    ),
}
