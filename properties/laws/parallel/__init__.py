"""parallel.*: mapping over devices gives what mapping on one device gives."""

from properties.laws.parallel import (
    agreement,
    explicit,
    options,
    placed,
    sharding,
    training,
    within,
)

__all__ = ["agreement", "explicit", "options", "placed", "sharding", "training", "within"]
