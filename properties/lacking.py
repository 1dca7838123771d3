"""Which functions of the catalogue a release of JAX lacks, as measured release by release.

A function that raises for want of a name, a parameter or a rule cannot be checked. Where its release is
known to lack it, that is in order; where its release is known to have it, what it raises is a fault.
"""

from collections.abc import Mapping

import jax
from packaging.specifiers import SpecifierSet
from packaging.version import Version

MEASURED = Version("0.12.0.1")
"""The newest release that was tried. What a newer one lacks was removed or is broken: that is not known."""

LACKED: Mapping[str, tuple[str, ...]] = {
    "<0.4.33": (
        "lax.optimization_barrier",
        "lax.remat_opt",
        "lax.remat_opt.constants",
        "lax.remat_opt.forward-alone",
        "lax.scan.in-batches",
    ),
    "<0.4.35": (
        "lax.custom_jvp_call.zero-slopes",
        "lax.pure_callback.broadcast-all",
        "lax.pure_callback.expand-dims",
        "lax.pure_callback.expanded",
        "lax.scatter-sub",
        "lax.scatter-sub.elements",
        "lax.scatter-subtract.sorted",
    ),
    "<0.4.38": ("lax.split",),
    "<0.5.3": (
        "lax.pure_callback.sequential-unrolled",
        "lax.scaled_matmul_wrapper",
        "lax.symmetric_product",
        "lax.symmetric_product.scaled",
    ),
    "<0.6.2": (
        "lax.all_gather.of-both",
        "lax.psum.gradients-over-devices",
        "lax.psum_invariant",
        "lax.remat_opt.collective",
        "lax.shard_map.of-maps",
    ),
    ">0.5.3,<0.6.2": ("lax.custom_jvp_call.zero-slopes",),
    "<0.7.0": (
        "lax.dce_sink",
        "lax.layout_constraint",
        "lax.reshard",
    ),
    "<0.7.2": (
        "lax.addupdate",
        "lax.addupdate.arrays",
        "lax.addupdate.indexers",
        "lax.addupdate.whole",
        "lax.addupdate.within",
        "lax.empty",
        "lax.empty.shape",
        "lax.exp.options",
        "lax.get",
        "lax.get.arrays",
        "lax.get.beside-number",
        "lax.get.indexed-twice",
        "lax.get.indexers",
        "lax.get.outside",
        "lax.new_ref.given-twice",
        "lax.swap",
        "lax.swap.arrays",
        "lax.swap.beside-number",
        "lax.swap.given",
        "lax.swap.indexers",
        "program-references",
    ),
    "<0.8.0": ("lax.new_ref",),
    "<0.8.2": (
        "lax.addupdate.accumulated",
        "lax.all_gather_reduced",
        "lax.eigh.options",
        "lax.preduced",
        "lax.pvary",
        "lax.scan.in-no-batches",
        "lax.top_k.one",
        "lax.vary_unreduced_cast",
    ),
    "<0.9.0": (
        "lax.tile.first",
        "lax.tile.primitive",
    ),
    ">0.8.0,<0.9.0": ("lax.shard_map.of-maps",),
    "<0.9.2": ("lax.scaled_dot",),
    "<0.10.0": (
        "lax.all_gather_invariant",
        "lax.all_gather_invariant.stacked",
        "lax.geqp3",
        "lax.ormqr",
        "lax.ormqr.transposed",
        "lax.psum_invariant.of-both",
        "lax.tridiagonal_solve.singular",
    ),
    "<0.10.2": (
        "draw-keys-philox2x32",
        "draw-keys-philox4x32",
        "draw-keys-threefry4x32",
        "draw-uniform-philox2x32",
        "draw-uniform-philox4x32",
        "draw-uniform-threefry4x32",
        "lax.mulhi",
        "lax.philox2x32",
        "lax.philox4x32",
        "lax.threefry4x32",
    ),
    "<0.11.2": (
        "lax.log2",
        "lax.one_minus_square",
        "lax.program_order",
    ),
    "<0.12.0.1": (
        "lax.pbroadcast_dynamic",
        "lax.polynomial",
    ),
}
"""The releases of JAX that lack functions of the catalogue on a CPU. 18 releases were tried; one
between the last that lacks a function and the first that has it counts as lacking it."""


def is_known(name: str) -> bool:
    """Whether the installed release of JAX is known to lack a function of the catalogue."""
    return any(
        name in names and SpecifierSet(releases).contains(jax.__version__, prereleases=True)
        for releases, names in LACKED.items()
    )


def is_newer() -> bool:
    """Whether the installed release of JAX is newer than any that was tried."""
    return Version(jax.__version__) > MEASURED
