"""One self-contained HTML page: works from a file, without a network, and without JavaScript.

`render` is the page of one run. Packages above fill the same frame with more by `render_page`.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from conformance.reporting.html import runs, tables
from conformance.reporting.html.runs import Run, RunView
from conformance.reporting.html.tables import Matrix
from conformance.reporting.printable import printable
from conformance.reporting.summary import ORDER

PACKAGE = "conformance.reporting.html"


def render(run: Run) -> str:
    """The page of one run."""
    views = [runs.view(0, run)]
    return render_page(
        "run.html.jinja",
        [run],
        views,
        tables.by_transform(run.summary),
        compact=tables.groups_by_transform(run.summary),
    )


def render_page(
    template: str,
    shown: Sequence[Run],
    views: Sequence[RunView],
    matrix: Matrix,
    *,
    compact: Matrix | None = None,
    package: str = PACKAGE,
    kinds: dict[str, list[tuple[str, str]]] | None = None,
    **sections: Any,
) -> str:
    """Fill a template that extends `page.html.jinja`.

    Args:
        template: The template's file name.
        shown: The environments, one column each.
        views: The view of each, as `runs.view` makes it.
        matrix: Laws by transforms, or by environments.
        compact: A smaller matrix that stays open above it.
        package: The package that has the template; the frame is in this one.
        kinds: What the filter offers before the outcomes: choices (value, words) by title.
        sections: What the template's own sections need.

    """
    items = tables.items(shown, views)
    # Those that no environment sampled were nine in ten rows of an upgrade, and 4 MB.
    listed = [row for row in items if row.is_sampled]
    outcomes = {cell.result.outcome for row in listed for cell in row.cells if cell.result}
    offered = {**(kinds or {}), "Outcomes": [(name, name) for name in ORDER if name in outcomes]}
    return fill(
        template,
        package,
        columns=views,
        matrix=matrix,
        compact=compact,
        items=listed,
        not_sampled=len(items) - len(listed),
        kinds={title: choices for title, choices in offered.items() if choices},
        **sections,
    )


def fill(template: str, package: str, **content: Any) -> str:
    """Fill a template, every text in it escaped, with the style and the script of all pages.

    Args:
        template: The template's file name.
        package: The package that has it; those of this package are found, too.
        content: What the template needs.

    """
    style, script = _shipped(PACKAGE, "page.css"), _shipped(PACKAGE, "page.js")
    page = (
        _environment(package)
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 (our own style, script and SVG)
            script=Markup(script),  # noqa: S704 (our own style, script and SVG)
            # Only these two may act: should an escape ever fail, the browser still refuses what got in.
            style_hash=_hash(style),
            script_hash=_hash(script),
            **content,
        )
    )
    return printable(page)


def _environment(package: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _found(package, name) or _found(PACKAGE, name)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = _coded
    return environment


def _coded(text: str) -> Markup:
    """Text with what stands in backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped)


def _found(package: str, name: str) -> str | None:
    file = resources.files(package) / name
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _shipped(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
