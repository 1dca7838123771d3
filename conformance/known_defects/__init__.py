"""Known defects of released software. Each entry was earned by a reproducer."""

from conformance.known_defects.attention import ATTENTION
from conformance.known_defects.beside_maps import BESIDE_MAPS
from conformance.known_defects.collectives import COLLECTIVES
from conformance.known_defects.convolutions import CONVOLUTIONS
from conformance.known_defects.defect import Defect
from conformance.known_defects.explicit_mesh import EXPLICIT_MESH
from conformance.known_defects.layer_norm import LAYER_NORM
from conformance.known_defects.lifted import LIFTED
from conformance.known_defects.placement import PLACEMENT
from conformance.known_defects.pmap import PMAP, of_nnx
from conformance.known_defects.ragged_dot import RAGGED_DOT
from conformance.known_defects.references import REFERENCES
from conformance.known_defects.shard_map import SHARD_MAP
from conformance.known_defects.vmap import VMAP
from conformance.known_defects.within import WITHIN

DEFECTS: tuple[Defect, ...] = (
    *PMAP,
    *map(of_nnx, PMAP),
    *LIFTED,
    *BESIDE_MAPS,
    *VMAP,
    *WITHIN,
    *RAGGED_DOT,
    *REFERENCES,
    *COLLECTIVES,
    *SHARD_MAP,
    *PLACEMENT,
    *ATTENTION,
    *EXPLICIT_MESH,
    *CONVOLUTIONS,
    *LAYER_NORM,
)
