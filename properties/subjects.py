"""What is mapped. A new subject is one entry here (and its reference in ``reference/``)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs
import jax

from properties import values
from reference import cells, functions, layers

Sizes = Mapping[str, int]


@attrs.frozen
class Array:
    """One array of one example: its dimensions by name, and where its values come from."""

    dims: tuple[str | int, ...]
    """A name is a dimension whose size calls choose, a number one that is always that large."""
    below: str | int | None = None
    """Where set, the array holds indices below that, or below the size of that dimension."""

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        return tuple(_size(dim, sizes) for dim in self.dims)

    def draw(
        self,
        seed: int,
        sizes: Sizes,
        dtype: str,
        batch: tuple[int, ...] = (),
        special: bool = False,
    ) -> Any:
        """Values of this array, with a leading batch axis where ``batch`` gives its size."""
        shape = batch + self.shape(sizes)
        if self.below is not None:
            return values.indices(seed, shape, _size(self.below, sizes))
        return values.draw(seed, shape, dtype, special)


def _size(dim: str | int, sizes: Sizes) -> int:
    return sizes[dim] if isinstance(dim, str) else dim


def _array(*dims: str, below: str | None = None) -> Array:
    return Array(dims, below)


@attrs.frozen(eq=False)
class FunctionSubject:
    """A function of one example."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    """One pytree of `Array` per argument."""
    dtypes: tuple[str, ...] = ("float32",)
    exact: bool = False
    """It only moves or compares: the answer must be the same bits, special values too."""


@attrs.frozen(eq=False)
class ModuleSubject:
    """A module: parameters, and perhaps other collections and streams, and a function of one example."""

    name: str
    module: Callable[..., Any]
    """The reference, a function of a scope and one example's inputs, and of the hyperparameters."""
    inputs: tuple[Array, ...]
    hyperparameters: Mapping[str, Any] = attrs.field(factory=dict)
    """Given to the module by name; a string stands for the size of that dimension."""
    collections: tuple[str, ...] = ("params",)
    streams: tuple[str, ...] = ("params",)
    draws: bool = True
    """Some initialiser uses its key."""
    native_broadcast: str | None = None
    """Why the unmapped module does not take leading batch axes; None where it does."""

    def configure(self, sizes: Sizes) -> dict[str, Any]:
        """The hyperparameters at these sizes."""

        def resolve(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(resolve(item) for item in value)
            return sizes[value] if isinstance(value, str) else value

        return {name: resolve(value) for name, value in self.hyperparameters.items()}

    def reference(self, sizes: Sizes) -> Callable[..., Any]:
        return partial(self.module, **self.configure(sizes))


Subject = FunctionSubject | ModuleSubject


def dims(subject: Subject) -> tuple[str, ...]:
    """The names of all dimensions, in order of appearance."""
    arguments = subject.arguments if isinstance(subject, FunctionSubject) else subject.inputs
    names = [
        dim for array in jax.tree_util.tree_leaves(arguments) for dim in (*array.dims, array.below)
    ]
    if isinstance(subject, ModuleSubject):
        names += [
            v
            for value in subject.hyperparameters.values()
            for v in (value if isinstance(value, tuple) else (value,))
        ]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


_MLP = ((_array("m", "k"), _array("k")), (_array("k", "n"), _array("n")))
_BOTH = ("float32", "int32")

FUNCTIONS = (
    FunctionSubject("square", functions.square, (_array("m", "n"),), _BOTH),
    FunctionSubject("dot-product", functions.dot_product, (_array("n"), _array("n")), _BOTH),
    FunctionSubject(
        "matrix-add", functions.matrix_add, (_array("m", "n"), _array("m", "n")), _BOTH
    ),
    FunctionSubject("linear", functions.linear, (_array("m", "n"), _array("n"), _array("m"))),
    FunctionSubject("matmul", functions.matmul, (_array("m", "k"), _array("k", "n")), _BOTH),
    FunctionSubject("softmax", functions.softmax, (_array("m", "n"),)),
    FunctionSubject("sort", functions.sort, (_array("m", "n"),), _BOTH, exact=True),
    FunctionSubject("tanh-mlp", functions.tanh_mlp, (_MLP, _array("m"))),
    FunctionSubject("mlp-loss", functions.mlp_loss, (_MLP, _array("m"), _array("n"))),
)

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

SUBJECTS: dict[str, Subject] = {subject.name: subject for subject in (*FUNCTIONS, *MODULES)}
