"""Functions of one example that exchange values with the others along the batch axis."""

import attrs
import numpy as np

from properties.subject import AXIS, Array, FunctionSubject
from properties.subjects.batching_rules.entry import of, rule
from reference import collectives
from reference.collectives import Answer, everywhere, exactly

_WHOLE = of("whole", "m", "n")
_FOR_EACH = of("whole", AXIS, "n")
_RING = "[(i, (i + 1) % lax.psum(1, AXIS)) for i in range(lax.psum(1, AXIS))]"
_LINE = "[(i, i + 1) for i in range(lax.psum(1, AXIS) - 1)]"
_SIZE = "lax.psum(1, AXIS)"
_GROUPS = f"[list(range(i, {_SIZE}, 2 - {_SIZE} % 2)) for i in range(2 - {_SIZE} % 2)]"
"""Even places and odd ones apart where there are as many of both, else one group."""


def _collective(name: str, source: str, array: Array, answer: Answer) -> FunctionSubject:
    text = f"{_over(AXIS)}\nreturn {source}"
    return attrs.evolve(rule(name, text, array, answer=answer), name=name, kind="collective")


def _over(names: str | tuple[str, ...]) -> str:
    return f"AXIS = {names!r}"


def source_over(subject: FunctionSubject, names: tuple[str, ...]) -> str:
    """Python that defines `function`: the same collective over the names of several maps."""
    assert subject.source is not None
    return subject.source.replace(_over(AXIS), _over(names))


_IN_GROUPS = (
    _collective(
        "psum-in-groups",
        f"lax.psum(a, AXIS, axis_index_groups={_GROUPS})",
        _WHOLE,
        exactly(collectives.in_groups(lambda x: x.sum(0))),
    ),
    _collective(
        "pmax-in-groups",
        f"lax.pmax(a, AXIS, axis_index_groups={_GROUPS})",
        _WHOLE,
        exactly(collectives.in_groups(lambda x: x.max(0))),
    ),
    _collective(
        "all-gather-in-groups",
        f"lax.all_gather(a, AXIS, axis_index_groups={_GROUPS})",
        _WHOLE,
        exactly(collectives.in_groups(lambda x: x)),
    ),
)
IN_GROUPS = tuple(subject.name for subject in _IN_GROUPS)
"""Those with `axis_index_groups`."""
OF_ORDER = ("pmax", "pmin", "pmax-in-groups")
"""Those that choose by size, and are not linear in their operands."""

COLLECTIVES = (
    _collective("psum", "lax.psum(a, AXIS)", _WHOLE, exactly(everywhere(lambda x: x.sum(0)))),
    _collective("pmean", "lax.pmean(a, AXIS)", of("normal", "m", "n"), collectives.mean),
    _collective("pmax", "lax.pmax(a, AXIS)", _WHOLE, exactly(everywhere(lambda x: x.max(0)))),
    _collective("pmin", "lax.pmin(a, AXIS)", _WHOLE, exactly(everywhere(lambda x: x.min(0)))),
    _collective("all-gather", "lax.all_gather(a, AXIS)", _WHOLE, exactly(everywhere(lambda x: x))),
    _collective(
        "all-to-all", "lax.all_to_all(a, AXIS, 0, 0)", _FOR_EACH, exactly(collectives.exchanged)
    ),
    _collective(
        "psum-scatter", "lax.psum_scatter(a, AXIS)", _FOR_EACH, exactly(collectives.scattered_sum)
    ),
    _collective(
        "ppermute", f"lax.ppermute(a, AXIS, {_RING})", _WHOLE, exactly(collectives.shifted)
    ),
    _collective(
        "all-gather-tiled",
        "lax.all_gather(a, AXIS, axis=1, tiled=True)",
        _WHOLE,
        exactly(everywhere(lambda x: np.concatenate(x, 1))),
    ),
    _collective(
        "all-to-all-across",
        "lax.all_to_all(a, AXIS, 0, 1)",
        _FOR_EACH,
        exactly(lambda x: np.moveaxis(collectives.exchanged(x), 1, 2)),
    ),
    _collective(
        "all-to-all-tiled",
        "lax.all_to_all(a, AXIS, 0, 1, tiled=True)",
        _FOR_EACH,
        exactly(lambda x: collectives.exchanged(x).reshape(len(x), 1, -1)),
    ),
    _collective(
        "psum-scatter-tiled",
        "lax.psum_scatter(a, AXIS, tiled=True)",
        _FOR_EACH,
        exactly(lambda x: collectives.scattered_sum(x)[:, None]),
    ),
    *(
        _collective(f"{name}-negative", source, array, answer)
        for name, source, array, answer in (
            (
                "all-gather",
                "lax.all_gather(a, AXIS, axis=-1, tiled=True)",
                _WHOLE,
                exactly(everywhere(lambda x: np.concatenate(x, 1))),
            ),
            (
                "all-to-all",
                "lax.all_to_all(a, AXIS, -2, -1)",
                _FOR_EACH,
                exactly(lambda x: np.moveaxis(collectives.exchanged(x), 1, 2)),
            ),
            (
                "psum-scatter",
                "lax.psum_scatter(a, AXIS, scatter_dimension=-2, tiled=True)",
                _FOR_EACH,
                exactly(lambda x: collectives.scattered_sum(x)[:, None]),
            ),
        )
    ),
    _collective(
        "ppermute-open", f"lax.ppermute(a, AXIS, {_LINE})", _WHOLE, exactly(collectives.handed_on)
    ),
    _collective(
        "pbroadcast", "lax.pbroadcast(a, AXIS, 0)", _WHOLE, exactly(everywhere(lambda x: x[0]))
    ),
    _collective(
        "axis-index",
        "a + lax.axis_index(AXIS).astype(a.dtype)",
        _WHOLE,
        exactly(collectives.numbered),
    ),
    *_IN_GROUPS,
)
