"""Functions of tiny examples, for maps of many: fused products and reductions, and indices.

They are of small whole numbers, so that nothing rounds and results compare to the bit. One expression
each, as in the catalogue; a new one is one entry here.
"""

import attrs

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule

ROW = of("whole", 3)
MATRIX = of("whole", 3, 3)
_NUMBERS = ("float32", "int32")
_CONSTANT = "np.arange(1, 10).reshape(3, 3).astype(a.dtype)"


def _large(
    name: str, source: str, *arguments: Array, dtypes: tuple[str, ...] = _NUMBERS
) -> FunctionSubject:
    subject = rule(name, source, *arguments, dtypes=dtypes, exact=True)
    return attrs.evolve(subject, name=f"large-{name}", kind="large")


LARGE = (
    _large("squared-norm", f"jnp.sum(({_CONSTANT} @ a) ** 2)", ROW, dtypes=("float32",)),
    _large("squared-norm-of-both", "jnp.sum((a @ b) ** 2)", MATRIX, ROW),
    _large("product", "a @ b", MATRIX, ROW),
    _large("sum-of-products", "jnp.sum(a * b)", ROW, ROW),
    _large("maximum", "jnp.max(a) - jnp.min(a)", ROW),
    _large("argmax", "jnp.argmax(a)", ROW, dtypes=("float32", "int32", "int8")),
    _large("sums", "jnp.cumsum(a)", ROW),
    _large("sorted", "jnp.sort(a)", ROW, dtypes=("float32", "int32", "int8")),
    _large("element", "a[b]", ROW, below(3), dtypes=("float32", "int32", "int8")),
)
