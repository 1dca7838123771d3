"""Functions of one example. A new one is one entry here and its definition in `reference/functions.py`."""

from properties.subject import Array, FunctionSubject
from reference import functions


def _array(*dims: str) -> Array:
    return Array(dims)


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
    FunctionSubject(
        "sort", functions.sort, (_array("m", "n"),), _BOTH, exact=True, edge_values=True
    ),
    FunctionSubject("tanh-mlp", functions.tanh_mlp, (_MLP, _array("m"))),
    FunctionSubject("mlp-loss", functions.mlp_loss, (_MLP, _array("m"), _array("n"))),
)
