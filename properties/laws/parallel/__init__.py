"""parallel.*: mapping over devices gives what mapping on one device gives."""

from properties.laws.parallel import (
    agreement,
    explicit,
    gradients,
    options,
    placed,
    sharding,
    training,
    within,
)

__all__ = [
    "agreement",
    "explicit",
    "gradients",
    "options",
    "placed",
    "sharding",
    "training",
    "within",
]
