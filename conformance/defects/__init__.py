"""Known defects of released software. Each entry was earned by a reproducer."""

from conformance.defects.attention import ATTENTION
from conformance.defects.collectives import COLLECTIVES
from conformance.defects.lifted import LIFTED
from conformance.defects.placement import PLACEMENT
from conformance.defects.pmap import PMAP, of_nnx
from conformance.defects.shard_map import SHARD_MAP
from conformance.defects.vmap import VMAP
from conformance.ledger import Defect

DEFECTS: tuple[Defect, ...] = (
    *PMAP,
    *map(of_nnx, PMAP),
    *LIFTED,
    *VMAP,
    *COLLECTIVES,
    *SHARD_MAP,
    *PLACEMENT,
    *ATTENTION,
)
