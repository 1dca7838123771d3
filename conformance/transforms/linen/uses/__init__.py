"""The documented uses of `nn.vmap`, each beside the loop over the unmapped module.

A use is one function. It computes in whole numbers, so that its two answers are equal to the bit. A
standalone script of a violation holds the sources of these files: they import Flax, JAX and NumPy only.
"""

from conformance.transforms.linen.uses import (
    apart,
    asked,
    boxes,
    branches,
    bridge,
    calls,
    compiled,
    lifts,
    loops,
    named,
    on_mesh,
    passed,
    recurrent,
    scans,
    settings,
    shared,
    state,
    trees,
)
from conformance.transforms.linen.uses.base import Setting, Use

__all__ = ["NEEDS", "USES", "Setting"]

USES: dict[str, Use] = {
    **calls.USES,
    **state.USES,
    **loops.USES,
    **scans.USES,
    **lifts.USES,
    **bridge.USES,
    **boxes.USES,
    **recurrent.USES,
    **shared.USES,
    **passed.USES,
    **compiled.USES,
    **branches.USES,
    **named.USES,
    **settings.USES,
    **asked.USES,
    **trees.USES,
    **apart.USES,
    **on_mesh.USES,
}
"""By the name of its subject."""
NEEDS: dict[str, str] = {
    **bridge.NEEDS,
    **boxes.NEEDS,
    **shared.NEEDS,
    **passed.NEEDS,
    **compiled.NEEDS,
    **settings.NEEDS,
    **trees.NEEDS,
    **apart.NEEDS,
    **on_mesh.NEEDS,
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
