"""Small pictures of a violation: heat maps of both answers and of their difference, or both shapes."""

from typing import Any

import attrs
import numpy as np

from conformance.events.arrays import decode
from conformance.events.details import Violation
from conformance.reporting.symptom import abstract, batch_axis

ROWS, COLUMNS = 8, 16
"""What is drawn of a larger array: the part with the worst place."""
LEVELS = 6
"""Shades of a heat map."""
LEGIBLE = 6
"""An array of so many columns at most has its values written into the cells."""
NEAR = 1e-3
"""A difference below this share of the largest one is drawn as none."""
LONGEST = 100_000
"""Whole numbers below it are written out."""
WIDE, NARROW, HIGH = 58, 16, 22
LEFT, TOP, LETTER = 26, 18, 8


@attrs.frozen
class Square:
    """A cell of a heat map: where it is, its shade's class, and the text in it."""

    x: int
    y: int
    shade: str
    text: str


@attrs.frozen
class HeatMap:
    """An array as shaded cells, a row for each example."""

    title: str
    words: str
    """The same for those who do not see it."""
    width: int
    height: int
    cell: int
    """The width of a cell; `HIGH` is its height."""
    squares: tuple[Square, ...]
    marks: tuple[tuple[int, str], ...]
    """y and number of each row's example."""
    down: str
    """What the rows are: `batch axis 1`, say."""


@attrs.frozen
class ShapeBox:
    """One axis of a shape."""

    x: int
    size: int
    batch: bool


@attrs.frozen
class ShapePicture:
    """A shape as a row of boxes."""

    title: str
    words: str
    dtype: str
    width: int
    boxes: tuple[ShapeBox, ...]


@attrs.frozen
class Pictures:
    """What is drawn of a violation; both empty where its answers are words."""

    maps: tuple[HeatMap, ...] = ()
    shapes: tuple[ShapePicture, ...] = ()
    note: str = ""
    """Which part is drawn."""


def pictures(detail: Violation) -> Pictures:
    """The pictures of a violation's answers."""
    expected, got = decode(detail.expected), decode(detail.got)
    if isinstance(expected, str) and isinstance(got, str):
        return _shapes(expected, got, detail)
    right, wrong = _numbers(expected), _numbers(got)
    if right is None or wrong is None:
        return Pictures()
    if right.shape != wrong.shape:
        return _shapes(_described(expected), _described(got), detail)
    return _maps(right, wrong, batch_axis(right.shape, detail.call)) if right.size else Pictures()


def _numbers(value: Any) -> np.ndarray | None:
    """An array of numbers in float64, complex ones by their magnitude; None for anything else."""
    if not isinstance(value, np.ndarray):
        return None
    try:
        with np.errstate(all="ignore"):
            return np.asarray(np.abs(value) if value.dtype.kind == "c" else value, np.float64)
    except (TypeError, ValueError):
        return None


def _described(array: np.ndarray) -> str:
    return f"{array.dtype.name}[{','.join(map(str, array.shape))}]"


def _maps(right: np.ndarray, wrong: np.ndarray, axis: int | None) -> Pictures:
    rows_of = axis or 0
    right, wrong = (_as_rows(each, rows_of) for each in (right, wrong))
    with np.errstate(all="ignore"):
        apart = np.abs(wrong - right)
        apart[(np.isnan(right) & np.isnan(wrong)) | (right == wrong)] = 0
    apart[np.isnan(apart)] = np.inf
    window = _window(apart)
    note = _note(apart[window].shape, apart.shape)
    down = "axis 0" if axis is None else f"batch axis {axis}"
    first = window[0].start
    finite = np.concatenate([right[window].ravel(), wrong[window].ravel()])
    finite = finite[np.isfinite(finite)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    both = [
        _map(title, each[window], _shades(each[window], low, high), down, first)
        for title, each in (("expected", right), ("got", wrong))
    ]
    return Pictures(maps=(*both, _difference(right[window], wrong[window], down, first)), note=note)


def _note(drawn: tuple[int, ...], whole: tuple[int, ...]) -> str:
    if drawn == whole:
        return ""
    rows, columns = drawn
    return f"The {rows} by {columns} values around the worst place, of {whole[0]} by {whole[1]}."


def _as_rows(array: np.ndarray, axis: int) -> np.ndarray:
    if array.ndim == 0:
        return array.reshape(1, 1)
    front = np.moveaxis(array, axis, 0)
    return front.reshape(len(front), -1)


def _window(apart: np.ndarray) -> tuple[slice, slice]:
    """The part to draw: the whole, or what is around the worst place."""
    worst = np.unravel_index(int(np.argmax(apart)), apart.shape)
    starts = [
        min(max(0, int(place) - most // 2), max(0, size - most))
        for place, size, most in zip(worst, apart.shape, (ROWS, COLUMNS), strict=True)
    ]
    return slice(starts[0], starts[0] + ROWS), slice(starts[1], starts[1] + COLUMNS)


def _shades(array: np.ndarray, low: float, high: float) -> np.ndarray:
    share = (array - low) / (high - low) if high > low else np.full(array.shape, 0.5)
    levels = (
        np.rint(np.where(np.isfinite(share), share, 0) * (LEVELS - 1))
        .clip(0, LEVELS - 1)
        .astype(int)
    )
    names = np.array([f"q{level}" for level in range(LEVELS)])[levels]
    return np.where(np.isfinite(array), names, "odd")


def _difference(right: np.ndarray, wrong: np.ndarray, down: str, first: int) -> HeatMap:
    with np.errstate(all="ignore"):
        signed = wrong - right
    same = (right == wrong) | (np.isnan(right) & np.isnan(wrong))
    size = np.where(same, 0, np.abs(signed))
    finite = size[np.isfinite(size)]
    most = finite.max() if finite.size else 0.0
    same |= size <= NEAR * most
    with np.errstate(all="ignore"):
        levels = np.nan_to_num(np.ceil(size / most * 3) if most else size).clip(1, 3).astype(int)
    shades = np.where(same, "same", np.array([f"d{level}" for level in range(4)])[levels])
    shades = np.where(np.isfinite(size), shades, "d3")
    drawn = _map("difference", signed, shades, down, first, blank=same)
    wrong_rows = [str(first + row) for row in range(len(same)) if not same[row].all()]
    words = f"{int((~same).sum())} of {same.size} values differ, in rows {', '.join(wrong_rows)}"
    return attrs.evolve(drawn, words=f"{words}. {drawn.words}")


def _map(
    title: str,
    array: np.ndarray,
    shades: np.ndarray,
    down: str,
    first: int,
    blank: np.ndarray | None = None,
) -> HeatMap:
    rows, columns = array.shape
    wide = WIDE if columns <= LEGIBLE else NARROW
    squares = [
        Square(LEFT + wide * x, TOP + HIGH * y, str(shades[y, x]), text)
        for y in range(rows)
        for x in range(columns)
        for text in [_text(array[y, x], wide == WIDE, blank is not None and bool(blank[y, x]))]
    ]
    values = (
        "; ".join(
            f"row {first + y}: " + ", ".join(_number(v) for v in array[y]) for y in range(rows)
        )
        if wide == WIDE
        else ""
    )
    return HeatMap(
        title=title,
        words=f"{rows} rows along {down}, {columns} columns. {values}".strip(),
        width=max(LEFT + wide * columns + 2, LEFT + 9 * LETTER + len(down) * LETTER // 2),
        height=TOP + HIGH * rows + 2,
        cell=wide,
        squares=tuple(squares),
        marks=tuple((TOP + HIGH * y + 15, str(first + y)) for y in range(rows)),
        down=down,
    )


def _text(value: float, legible: bool, blank: bool) -> str:
    if blank:
        return "=" if legible else ""
    return _number(value) if legible else ""


def _number(value: float) -> str:
    """Whole numbers of a few digits as they are, since people compare them with the ones they know."""
    return f"{value:.0f}" if abs(value) < LONGEST and value == int(value) else f"{value:.3g}"


def _shapes(expected: str, got: str, detail: Violation) -> Pictures:
    due, there = abstract(expected), abstract(got)
    if due is None or there is None or due == there:
        return Pictures()
    wanted = due[1]
    batch = batch_axis(wanted, detail.call)
    place = _moved_to(wanted, there[1], batch)
    return Pictures(shapes=(_shape("expected", *due, batch), _shape("got", *there, place)))


def _moved_to(wanted: tuple[int, ...], shape: tuple[int, ...], batch: int | None) -> int | None:
    """Where the batch axis is in the wrong shape; None where that is not known."""
    if batch is None or len(shape) != len(wanted):
        return None
    example = wanted[:batch] + wanted[batch + 1 :]
    fits = [
        axis
        for axis, size in enumerate(shape)
        if size == wanted[batch] and shape[:axis] + shape[axis + 1 :] == example
    ]
    return fits[0] if fits else None


def _shape(title: str, dtype: str, shape: tuple[int, ...], batch: int | None) -> ShapePicture:
    boxes = tuple(ShapeBox(4 + 48 * i, size, i == batch) for i, size in enumerate(shape))
    where = f", the batch axis is axis {batch}" if batch is not None else ""
    words = f"{dtype} of shape {list(shape)}{where}"
    return ShapePicture(title, words, dtype, max(8 + 48 * len(shape), 96), boxes)
