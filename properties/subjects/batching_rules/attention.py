"""Attention as cuDNN computes it, on a GPU alone, against the formula and its gradients in NumPy."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import of, rule

UNIT = 2.0**-11
"""Of roundoff, in float16, to which weights, their gradients and the results are rounded."""

QUERY, KEY = of("within-one", 2, 8, 4, 16), of("within-one", 2, 24, 4, 16)
"""(batch, length, heads, width): a batch of the kernel's own, beside the one that is mapped."""
BIAS, SHARED_BIAS = of("within-one", 2, 4, 8, 24), of("within-one", 1, 4, 8, 24)
"""(batch, heads, queries, keys), the second one for all of the kernel's batch."""

_ATTENTION = """\
if jax.default_backend() != "gpu":
    raise NotImplementedError("cuDNN's attention runs on a GPU")

def attention(q, k, v, bias=None):
    return jax.nn.dot_product_attention(q, k, v, bias, implementation="cudnn")

"""


def _rule(name: str, source: str, *arguments: Any, answer: Any) -> FunctionSubject:
    return rule(name, _ATTENTION + source, *arguments, dtypes=("float16",), answer=answer)


def _weights(q: Any, k: Any, bias: Any) -> Any:
    logits = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(q.shape[-1]) + bias
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def _answer(q: Any, k: Any, v: Any, bias: Any = 0.0) -> tuple[Any, Any]:
    weights = _weights(q, k, bias)
    value, size = (np.einsum("bnts,bsnh->btnh", weights, x) for x in (v, np.abs(v)))
    return value, 4 * UNIT * size


def _gradients(q: Any, k: Any, v: Any, by: Any, bias: Any = 0.0) -> tuple[Any, Any]:
    """Of the sum of the results times `by`, by q, k, v and the logits, and the errors of those.

    With P the weights and G = by @ v^T, the gradient by the logits is P * (G - sum(P * G)), of terms as
    large as P * (|G| + sum(P * |G|)).
    """
    weights, scale = _weights(q, k, bias), 1 / np.sqrt(q.shape[-1])

    def by_logits(by: Any, v: Any, sign: int) -> Any:
        through = np.einsum("btnh,bsnh->bnts", by, v)
        return weights * (through + sign * (weights * through).sum(-1, keepdims=True))

    def products(logits: Any, q: Any, k: Any, by: Any) -> tuple[Any, ...]:
        return (
            scale * np.einsum("bnts,bsnh->btnh", logits, k),
            scale * np.einsum("bnts,btnh->bsnh", logits, q),
            np.einsum("bnts,btnh->bsnh", weights, by),
            logits,
        )

    value = products(by_logits(by, v, -1), q, k, by)
    size = products(by_logits(np.abs(by), np.abs(v), 1), np.abs(q), np.abs(k), np.abs(by))
    return value, tuple(8 * UNIT * each for each in size)


def _by_arguments(q: Any, k: Any, v: Any, by: Any) -> tuple[Any, Any]:
    value, error = _gradients(q, k, v, by)
    return value[:3], error[:3]


def _by_bias(q: Any, k: Any, v: Any, by: Any, bias: Any) -> tuple[Any, Any]:
    (*_, value), (*_, error) = _gradients(q, k, v, by, bias)
    return value.sum(0, keepdims=True), error.sum(0, keepdims=True)


ATTENTION = (
    _rule(
        "dot_product_attention_fwd_wrapper",
        "return attention(a, b, c)",
        *(QUERY, KEY, KEY),
        answer=_answer,
    ),
    _rule(
        "dot_product_attention_fwd_wrapper.bias",
        "return attention(a, b, c, d)",
        *(QUERY, KEY, KEY, BIAS),
        answer=_answer,
    ),
    _rule(
        "dot_product_attention_fwd_wrapper.shared-bias",
        "return attention(a, b, c, d)",
        *(QUERY, KEY, KEY, SHARED_BIAS),
        answer=_answer,
    ),
    _rule(
        "dot_product_attention_bwd_wrapper",
        "return jax.grad(lambda *x: jnp.sum(attention(*x) * d), (0, 1, 2))(a, b, c)",
        *(QUERY, KEY, KEY, QUERY),
        answer=_by_arguments,
    ),
    _rule(
        "dot_product_attention_bwd_wrapper.shared-bias",
        "return jax.grad(lambda bias: jnp.sum(attention(a, b, c, bias) * d))(e)",
        *(QUERY, KEY, KEY, QUERY, SHARED_BIAS),
        answer=_by_bias,
    ),
)
