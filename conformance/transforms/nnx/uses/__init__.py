"""The documented uses of NNX's lifted maps, each beside the loop over the unmapped module.

A use is one function. It computes in whole numbers, so that its two answers are equal to the bit. A
standalone script of a violation holds the sources of these files: they import Flax, JAX and NumPy only.
"""

from conformance.transforms.nnx.uses import (
    aliases,
    branches,
    calls,
    compiled,
    containers,
    copies,
    derivatives,
    filters,
    forms,
    graph,
    keeping,
    layers,
    lazy,
    loops,
    metadata,
    methods,
    on_mesh,
    operators,
    pure,
    recurrent,
    refusals,
    rewired,
    stages,
    state,
    streams,
    trees,
    values,
    within,
)
from conformance.transforms.nnx.uses.base import Setting, Use

__all__ = ["IN_ONE_WAY", "NEEDS", "USES", "Setting"]

USES: dict[str, Use] = {
    **calls.USES,
    **compiled.USES,
    **state.USES,
    **streams.USES,
    **graph.USES,
    **keeping.USES,
    **loops.USES,
    **branches.USES,
    **aliases.USES,
    **metadata.USES,
    **derivatives.USES,
    **filters.USES,
    **lazy.USES,
    **recurrent.USES,
    **values.USES,
    **copies.USES,
    **rewired.USES,
    **refusals.USES,
    **methods.USES,
    **pure.USES,
    **stages.USES,
    **layers.USES,
    **within.USES,
    **operators.USES,
    **containers.USES,
    **trees.USES,
    **forms.USES,
    **on_mesh.USES,
}
"""By the name of its subject."""
NEEDS: dict[str, str] = {
    "use.variable": "0.10.5",
    **calls.NEEDS,
    **compiled.NEEDS,
    **streams.NEEDS,
    **graph.NEEDS,
    **keeping.NEEDS,
    **loops.NEEDS,
    **branches.NEEDS,
    **aliases.NEEDS,
    **metadata.NEEDS,
    **derivatives.NEEDS,
    **filters.NEEDS,
    **lazy.NEEDS,
    **recurrent.NEEDS,
    **values.NEEDS,
    **copies.NEEDS,
    **rewired.NEEDS,
    **refusals.NEEDS,
    **methods.NEEDS,
    **pure.NEEDS,
    **stages.NEEDS,
    **layers.NEEDS,
    **within.NEEDS,
    **operators.NEEDS,
    **containers.NEEDS,
    **trees.NEEDS,
    **forms.NEEDS,
    **on_mesh.NEEDS,
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
IN_ONE_WAY: frozenset[str] = frozenset().union(
    *(
        each.IN_ONE_WAY
        for each in (
            aliases,
            calls,
            containers,
            copies,
            derivatives,
            filters,
            forms,
            graph,
            keeping,
            layers,
            lazy,
            loops,
            metadata,
            methods,
            operators,
            pure,
            rewired,
            state,
            streams,
            trees,
        )
    )
)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
