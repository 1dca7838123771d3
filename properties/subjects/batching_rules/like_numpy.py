"""Functions of `jax.numpy`, within a map: NumPy says what they give of each example, at its edges, too."""

import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import attrs
import jax
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule
from properties.subjects.batching_rules.numpy_forms import OF_INDICES, OF_METHODS, OF_UPDATES

_GIVEN = """
y, n = a + 0.5, b
t, m = y > 0, y[:, None] * jnp.arange(1.0, 5.0, dtype=a.dtype)
x = jnp.concatenate([y, jnp.array([jnp.nan, jnp.inf, -jnp.inf, 0.25], a.dtype)])
"""
"""Numbers, indices, truth values, a matrix, and numbers with edges: both libraries make them so.

No number is zero: which zero comes out, 0.0 or -0.0, depends on what XLA makes one operation of.
"""
_MORE = """
q, z = jnp.stack([m, m + 16, 3 * m]), (y + 1j * y[::-1]).astype(jnp.complex64)
u, i, j = n.astype(jnp.uint8), n % 3, n[:2] % 2
"""
"""An array of three axes, complex and unsigned numbers, and indices of every axis."""
_CALLS = """
jnp.sign(x), jnp.signbit(x), jnp.copysign(1.0, x), jnp.nan_to_num(x, nan=3.0, posinf=4.0)
jnp.isposinf(x), jnp.isneginf(x), jnp.fmax(x, x[::-1]), jnp.minimum(x, x[::-1]), jnp.hypot(x, jnp.inf)
jnp.clip(x, -1.0, jnp.nan), jnp.nextafter(x, 0.0), jnp.square(x), jnp.sinc(0 * y), jnp.fabs(y), jnp.angle(y)
jnp.floor_divide(y, 2.0), jnp.remainder(y, -3.0), jnp.fmod(y, -3.0), jnp.divmod(y, 2.0), jnp.modf(2.5 * y)
jnp.frexp(y), jnp.ldexp(y, n), jnp.rint(jnp.abs(y)), jnp.round(2.5 * y), jnp.trunc(-2.5 * y)
jnp.gcd(n, 6), jnp.lcm(n, 6), jnp.invert(n), jnp.left_shift(n, 2), jnp.right_shift(-n, 1)
jnp.packbits(t), jnp.unpackbits(n.astype(jnp.uint8)[:2], count=5, bitorder="little")
jnp.argmax(x), jnp.argmin(x), jnp.sort(x), jnp.partition(y, 2)[2], jnp.lexsort((n, y)), jnp.median(y)
jnp.nansum(x[:5]), jnp.nanmax(x[:5]), jnp.nanargmin(x[:5]), jnp.nancumsum(x[:5]), jnp.nanmedian(x[:5])
jnp.nanvar(x[:5]) * 16, jnp.quantile(y, 0.25), jnp.percentile(y, 75, method="nearest"), jnp.mean(n)
jnp.cumsum(t), jnp.cumprod(t), jnp.prod(t), jnp.cumsum(n, dtype=jnp.int8), jnp.max(y, initial=9.0, where=t)
jnp.sum(n.astype(jnp.int8), dtype=jnp.int32), jnp.all(m, 0), jnp.count_nonzero(t), jnp.ptp(m, 1)
jnp.average(m, 0, jnp.array([1.0, 2.0, 1.0, 0.0])), jnp.trace(m, 1), jnp.diagonal(m, 1), jnp.diagflat(y, 1)
jnp.diff(t), jnp.diff(y, 2, prepend=1, append=2), jnp.ediff1d(y, 7, 8), jnp.gradient(y)
jnp.unwrap(y * 4, period=8), jnp.interp(y, jnp.arange(4.0), jnp.arange(4.0) * 2, left=-9)
jnp.searchsorted(jnp.arange(4.0), y, side="right"), jnp.digitize(y, jnp.arange(4.0)), jnp.isin(n, n[:2])
jnp.convolve(y, y[:3], "same"), jnp.correlate(y, y[:3], "full"), jnp.cross(y[:3], y[1:]), jnp.kron(y[:2], y)
jnp.polyval(y, 2.0), jnp.polyadd(y, y[:2]), jnp.polysub(y, y[:2]), jnp.polyder(y), jnp.vander(y, 3)
jnp.tril(m, -1), jnp.triu(m, 1), jnp.tri(3, 4, 1) + y, jnp.rot90(m, 3), jnp.roll(m, (1, -1), (0, 1))
jnp.insert(y, 1, 9), jnp.delete(y, 1), jnp.append(m, m), jnp.resize(y, (3, 2)), jnp.block([[m], [m]])
jnp.take(y, n, mode="wrap"), jnp.take(y, n - 2, mode="clip"), jnp.choose(n % 2, [y, -y], mode="clip")
jnp.select([y > 1, y > 0], [y, 2 * y], 7)
jnp.take_along_axis(m, m.argmax(0)[None], 0), jnp.apply_along_axis(lambda v: 2 * v[:2], 1, m)
jnp.unravel_index(n, (2, 4)), jnp.ravel_multi_index((n % 2, n % 3), (2, 3), mode="wrap")
jnp.tensordot(m, m, ((0,), (1,))), jnp.array_split(y, 3), jnp.hsplit(m, 2), jnp.column_stack([y, y])
"""
_OF_EDGES = "jnp.heaviside(x, 0.5), jnp.floor_divide(x, 0.0)"
"""Those that were other than NumPy's in releases that are supported."""


def _body(calls: str, given: str = _GIVEN) -> str:
    """The body of a function that makes the calls, whose lines each end in one."""
    lines = ",\n".join(calls.strip().splitlines())
    return f"{given}return [\n{textwrap.indent(lines, '    ')},\n]\n"


def _by_numpy(body: str) -> Callable[..., Any]:
    """What NumPy gives of one example where it has the place of `jax.numpy`, in the dtypes that JAX has."""
    namespace: dict[str, Any] = {"jnp": np}
    text = f"def function(a, b):\n{textwrap.indent(body, '    ')}"
    exec(compile(text, "<by NumPy>", "exec"), namespace)  # noqa: S102 (the text above)

    def answer(a: Any, b: Any) -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            given = namespace["function"](np.asarray(a, np.float32), np.asarray(b, np.int32))
        return exactly(jax.tree_util.tree_map(_in_jax, given))

    return answer


def _in_jax(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype))


def _compiled(body: str) -> str:
    """The same, as one program: by themselves, its operations would be compiled one by one."""
    return f"@jax.jit\ndef calls(a, b):\n{textwrap.indent(body, '    ')}\nreturn calls(a, b)\n"


def _entry(name: str, body: str, source: str) -> FunctionSubject:
    subject = rule(name, source, of("whole", 4), below(5, 4), answer=_by_numpy(body))
    return attrs.evolve(subject, most_axes=1)


_SINCE = """\
if jax.__version_info__ < (0, 9, 1):
    raise NotImplementedError("it lacks a method, and errs where numbers are unsigned")
"""
_BY_THEMSELVES = (("select_n.as-numpy", _body(_CALLS)), ("floor.as-numpy", _body(_OF_EDGES)))
_TOGETHER = (
    ("gather.as-numpy", _body(OF_INDICES, _GIVEN + _MORE)),
    ("scatter.as-numpy", f"{_GIVEN}{_MORE}{OF_UPDATES}"),
)
_METHODS = _body(OF_METHODS, _GIVEN + _MORE)
LIKE_NUMPY: tuple[FunctionSubject, ...] = (
    *(_entry(name, body, body) for name, body in _BY_THEMSELVES),
    *(_entry(name, body, _compiled(body)) for name, body in _TOGETHER),
    _entry("bitcast_convert_type.as-numpy", _METHODS, _SINCE + _compiled(_METHODS)),
)
