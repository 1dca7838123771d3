"""The laws: a file or folder per group of ids, and `LAWS`, all of them by id."""

from collections.abc import Mapping
from types import MappingProxyType

from properties.law import Law, laws_of
from properties.laws import (
    axes,
    collectives,
    errors,
    gradients,
    mapping,
    nesting,
    parallel,
    randomness,
    sharing,
)

__all__ = ["LAWS"]

LAWS: Mapping[str, Law] = MappingProxyType(
    laws_of(
        axes,
        mapping.values,
        mapping.structure,
        mapping.options,
        mapping.effects,
        mapping.again,
        mapping.large,
        mapping.programs,
        mapping.whole_batch,
        collectives,
        errors.calls,
        errors.within,
        gradients.of_maps,
        gradients.whole_batch,
        nesting,
        parallel.agreement,
        parallel.options,
        parallel.sharding,
        parallel.explicit,
        parallel.gradients,
        parallel.placed,
        parallel.training,
        parallel.within,
        randomness,
        sharing.variants,
        sharing.collections,
        sharing.generated,
        sharing.gradients,
        sharing.metadata,
        sharing.parameters,
        sharing.synchronised,
        sharing.uses,
    )
)
"""Every law, in the order in which a run checks them."""
