"""Modules. A new one is one entry here and its reference in ``reference/``."""

from properties.subject import Array, ModuleSubject
from reference import cells, layers


def _array(*dims: str, below: str | None = None) -> Array:
    return Array(dims, below)


MODULES = (
    ModuleSubject("dense", layers.dense, (_array("m"),), {"features": "n"}),
    ModuleSubject("mlp", layers.mlp, (_array("m"),), {"features": ("k", "n")}),
    ModuleSubject(
        "conv", layers.conv, (_array("length", "m"),), {"features": "n", "kernel_size": (3,)}
    ),
    ModuleSubject("layer-norm", layers.layer_norm, (_array("m"),), draws=False),
    ModuleSubject(
        "batch-norm",
        layers.batch_norm,
        (_array("length", "m"),),
        {"use_running_average": False},
        collections=("params", "batch_stats"),
        draws=False,
        native_broadcast="its statistics are taken over every leading axis",
    ),
    ModuleSubject(
        "dropout",
        layers.dropout,
        (_array("m"),),
        {"rate": 0.5, "deterministic": False},
        collections=(),
        streams=("params", "dropout"),
        draws=False,
        native_broadcast="its mask depends on the shape of the whole input",
    ),
    ModuleSubject(
        "embed",
        layers.embed,
        (_array("length", below="vocabulary"),),
        {"num_embeddings": "vocabulary", "features": "n"},
    ),
    ModuleSubject(
        "self-attention", layers.self_attention, (_array("length", "width"),), {"num_heads": 2}
    ),
    ModuleSubject(
        "simple-cell",
        cells.simple_cell,
        (_array("n"), _array("m")),
        {"features": "n"},
    ),
    ModuleSubject(
        "gru-cell",
        cells.gru_cell,
        (_array("n"), _array("m")),
        {"features": "n"},
    ),
    ModuleSubject(
        "column-cell",
        cells.column_cell,
        (_array("n"), _array("m")),
        {"features": "n"},
        native_broadcast="it multiplies columns from the left, so it takes one example",
    ),
    ModuleSubject("key-probe", layers.key_probe, (_array("m"),)),
)
