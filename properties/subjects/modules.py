"""Modules. A new one is one entry here and its reference in `reference/`."""

from properties.subject import Array, ModuleSubject
from reference import cells, layers, nested


def _array(*dims: str, below: str | None = None) -> Array:
    return Array(dims, below)


MODULES = (
    ModuleSubject("dense", layers.dense, (_array("m"),), {"features": "n"}),
    ModuleSubject("mlp", layers.mlp, (_array("m"),), {"features": ("k", "n")}),
    ModuleSubject(
        "conv", layers.conv, (_array("length", "m"),), {"features": "n", "kernel_size": (3,)}
    ),
    ModuleSubject("layer-norm", layers.layer_norm, (_array("length", "m"),), draws=False),
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
        in_setup=True,
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
    ModuleSubject(
        "key-probe", layers.key_probe, (_array("m"),), no_gradient="its parameters are integers"
    ),
    ModuleSubject(
        "sown",
        nested.sown,
        (_array("m"),),
        {"features": "n"},
        collections=("params", "intermediates"),
    ),
    ModuleSubject(
        "accumulator",
        nested.accumulator,
        (_array("m"),),
        collections=("cache",),
        streams=(),
        draws=False,
    ),
    ModuleSubject(
        "noisy-dense",
        nested.noisy_dense,
        (_array("m"),),
        {"features": "n", "rate": 0.5},
        streams=("params", "dropout"),
        native_broadcast="its mask depends on the shape of the whole input",
    ),
    ModuleSubject(
        "partitioned-dense",
        layers.dense,
        (_array("m"),),
        {"features": "n"},
        names={"kernel": ("in", "out"), "bias": ("out",)},
        boxed=True,
    ),
    ModuleSubject(
        "scanned-cell",
        nested.scanned_cell,
        (_array("n"), _array("length", "m")),
        {"features": "n"},
        native_broadcast="it goes along the first axis of its second input",
    ),
    ModuleSubject(
        "members",
        nested.members,
        (_array("length", "m"),),
        {"features": "n"},
        native_broadcast="it has parameters of its own for each entry of the first axis",
    ),
    ModuleSubject(
        "repeated",
        nested.repeated,
        (_array("m"),),
        {"times": 2},
        no_gradient="JAX does not differentiate a while loop in reverse mode",
    ),
    ModuleSubject("rematted", nested.rematted, (_array("m"),), {"features": "n"}),
)
