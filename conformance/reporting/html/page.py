"""One self-contained HTML page: works from a file, without a network, and without JavaScript."""

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape

from conformance.events.log import NOT_CHECKED, Event, decode
from conformance.known_defects import DEFECTS
from conformance.reporting.printable import printable
from conformance.reporting.summary import ORDER, Summary
from conformance.reporting.terminal import call_in_words, cost, remarks
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from properties.laws import LAWS

WIDTH_OF_ARRAYS = 56
FACTS = ("jax", "jaxlib", "flax", "numpy", "python", "platform", "devices", "prng")
ADVICE = 2
"""Of a class with more different remedies than this, the summary has only the general one."""


def render(comparison: Comparison) -> str:
    """The page. One environment is laws by transforms; several are laws by environments, and how each
    later one differs from the first."""
    columns = [_column(number, column) for number, column in enumerate(comparison.columns)]
    single = len(columns) == 1
    style, script = _shipped("page.css"), _shipped("page.js")
    page = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            columns=columns,
            moves=[
                _move(number, columns, differences)
                for number, differences in enumerate(comparison.differences, 1)
            ],
            matrix=_by_transform(comparison.columns[0].summary)
            if single
            else _by_environment(comparison.columns),
            items=_items(comparison.columns, columns),
            kinds=_kinds(comparison),
            style=Markup(style),
            script=Markup(script),
            # Only these two may act: should an escape ever fail, the browser still refuses what got in.
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )
    return printable(page)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_shipped),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = _coded
    return environment


def _coded(text: str) -> Markup:
    """Text with what stands in backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _shipped(name: str) -> str:
    place = resources.files("conformance.reporting.html") / name
    return place.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _column(number: int, column: Column) -> dict[str, Any]:
    """What the page says of one environment."""
    summary = column.summary
    told = [r for r in summary.results if r["outcome"] not in {"holds", *NOT_CHECKED}]
    told.sort(key=lambda result: ORDER.index(result["outcome"]))
    environment = (summary.header or {}).get("environment", {})
    return {
        "label": column.label,
        "problem": column.problem,
        "facts": {fact: environment[fact] for fact in FACTS if environment.get(fact) is not None},
        "profile": (summary.header or {}).get("profile"),
        "seed": (summary.header or {}).get("seed"),
        "total": len(summary.results),
        "wrong": [r["outcome"] for r in summary.failures],
        "whole": not (column.problem or summary.incomplete),
        "counts": _counted(summary.counts),
        "cost": cost(summary).plain.splitlines(),
        "remarks": remarks(summary),
        "told": [_told(f"told-{number}-{place}", result) for place, result in enumerate(told)],
        "places": {_name(result): f"told-{number}-{place}" for place, result in enumerate(told)},
    }


def _told(place: str, result: Event) -> dict[str, Any]:
    """One result that does not simply hold, in full."""
    detail = result["detail"] or {}
    law = LAWS.get(result["law"])
    violated = result["outcome"] == "violated"
    return {
        "place": place,
        "result": result,
        "law": law and law.sentence,
        "call": call_in_words(detail["call"]) if "call" in detail else None,
        "message": detail.get("message") or detail.get("reason"),
        "sides": [("expected", _text(detail["expected"])), ("got", _text(detail["got"]))]
        if violated
        else [],
        "ulps": {name: _number(detail[name]) for name in ("max_ulps", "error", "bound")}
        if violated
        else {},
        "cause": detail.get("cause"),
        "output": detail.get("output"),
        "script": detail.get("script"),
        "defect": next((d for d in DEFECTS if d.id == detail.get("defect")), None),
    }


def _text(value: Any) -> str:
    with np.printoptions(precision=5, suppress=True, threshold=40, linewidth=WIDTH_OF_ARRAYS):
        return str(decode(value))


def _number(value: Any) -> str:
    return f"{float(decode(value)):.3g}"


def _name(result: Event) -> str:
    """As `conformance.upgrade.compare` names it."""
    return " | ".join(result[k] for k in ("law", "transform", "subject", "defect") if result.get(k))


def _counted(counts: Counter[str]) -> list[tuple[str, int]]:
    return [(name, counts[name]) for name in ORDER if counts[name]]


def _move(number: int, columns: list[dict[str, Any]], found: Differences | None) -> dict[str, Any]:
    """What moving from the first environment to this one means."""
    first, column = columns[0], columns[number]
    entries = found.entries if found else ()
    groups = []
    for kind in KINDS.values():
        mine = found.of(kind) if found else []
        if mine:
            remedies = list(dict.fromkeys(entry.remedy for entry in mine))
            # What regressed is shown in the later environment, what was fixed in the earlier one.
            places = (first if kind.id == "fixed" else column)["places"]
            groups.append(
                {
                    "kind": kind.id,
                    "title": kind.title,
                    "entries": [(entry, places.get(entry.key)) for entry in mine],
                    "breaks": sum(entry.breaks for entry in mine),
                    "remedy": remedies[0] if len(remedies) == 1 else kind.remedy,
                    "advice": remedies if len(remedies) <= ADVICE else [kind.remedy],
                }
            )
    return {
        "number": number,
        "before": first,
        "after": column,
        "compared": found is not None,
        "total": len(entries),
        "breaks": sum(entry.breaks for entry in entries),
        "unchanged": found.unchanged if found else 0,
        "notes": found.notes if found else (),
        "groups": groups,
        "drift": _drift(found) if found else None,
    }


def _drift(found: Differences) -> dict[str, Any] | None:
    """The plot of how far values moved: ranks from left to right, ULPs upwards on a log scale.

    In pixels of a view of 340 by 190; None where no value moved.
    """
    points = [
        (entry.detail["max_ulps"], entry.detail.get("within", False), entry.key)
        for entry in found.entries
        if "max_ulps" in entry.detail
    ]
    if not points:
        return None
    points.sort(key=lambda point: -point[0])
    left, right, top, bottom = 48, 328, 22, 158
    logs = [math.log10(max(ulps, 0.1)) for ulps, *_ in points if math.isfinite(ulps)]
    low = math.floor(min([0.0, *logs]))
    high = max(low + 1, math.ceil(max([0.0, *logs])))
    step = max(1, math.ceil((high - low) / 5))

    def height(ulps: float) -> float:
        if not math.isfinite(ulps):
            return top - 10.0
        share = (math.log10(max(ulps, 0.1)) - low) / (high - low)
        return round(bottom - share * (bottom - top), 1)

    across = (right - left) / len(points)
    return {
        "points": [
            (round(left + across * (rank + 0.5), 1), height(ulps), f"{ulps:.3g}", within, key)
            for rank, (ulps, within, key) in enumerate(points)
        ],
        "ticks": [(height(10.0**e), e) for e in range(low, high + 1, step)],
        "infinite": top - 10 if any(not math.isfinite(ulps) for ulps, *_ in points) else None,
        "beyond": sum(not within for _, within, _ in points),
    }


def _by_transform(summary: Summary) -> dict[str, Any]:
    rows = [
        (law, _sentence(law), [_counted(summary.cell(law, t)) for t in summary.transforms])
        for law in summary.laws
    ]
    return {"heads": summary.transforms, "rows": rows, "of": "transform"}


def _by_environment(columns: Iterable[Column]) -> dict[str, Any]:
    columns = list(columns)
    laws = list(dict.fromkeys(law for column in columns for law in column.summary.laws))
    rows = []
    for law in laws:
        cells = []
        for column in columns:
            mine = [r["outcome"] for r in column.summary.results if r["law"] == law]
            cells.append(None if column.problem and not mine else _counted(Counter(mine)))
        rows.append((law, _sentence(law), cells))
    return {"heads": [column.label for column in columns], "rows": rows, "of": "environment"}


def _sentence(law: str) -> str:
    return LAWS[law].sentence if law in LAWS else ""


def _items(columns: Iterable[Column], told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every item with its result in each environment, in the order of the laws."""
    columns = list(columns)
    results = [{_name(r): r for r in column.summary.results} for column in columns]
    laws = list(dict.fromkeys(law for column in columns for law in column.summary.laws))
    every = {name: result for of_column in reversed(results) for name, result in of_column.items()}
    transforms = list(dict.fromkeys(t for column in columns for t in column.summary.transforms))
    names = sorted(
        every,
        key=lambda name: (
            laws.index(every[name]["law"]),
            transforms.index(every[name]["transform"]),
            name,
        ),
    )
    items = []
    for name in names:
        cells = [
            (of_column.get(name), column["places"].get(name), bool(column["problem"]))
            for of_column, column in zip(results, told, strict=True)
        ]
        outcomes = {cell[0]["outcome"] for cell in cells if cell[0]}
        items.append(
            {
                "item": every[name],
                "cells": cells,
                "kinds": " ".join(sorted(outcomes)),
                "same": len({(result or {}).get("outcome") for result, *_ in cells}) == 1,
            }
        )
    return items


def _kinds(comparison: Comparison) -> dict[str, list[tuple[str, str]]]:
    """What the filter offers: only what the page has."""
    outcomes = {r["outcome"] for column in comparison.columns for r in column.summary.results}
    found = {entry.kind.id for each in comparison.differences if each for entry in each.entries}
    offered = {
        "Differences": [(kind.id, kind.title) for kind in KINDS.values() if kind.id in found],
        "Outcomes": [(name, name) for name in ORDER if name in outcomes],
    }
    return {title: choices for title, choices in offered.items() if choices}
