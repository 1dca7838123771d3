"""The terminal that every view prints to: nothing reaches it that is not printable."""

import os
from collections.abc import Iterable
from typing import IO

from rich import console as rich_console
from rich.segment import Segment

from conformance.reporting.printable import printable

WIDTH_OF_FILES = 80
"""Columns where the output goes to a file or a pipe."""
_PLAIN = str.maketrans({"✓": "+", "✗": "x", "·": "|", "…": "~"})
"""Marks of the views that an output without them gets in ASCII."""


class Console(rich_console.Console):
    """rich's console with sanitised text, and a closed pipe as the exception that it is."""

    def render(
        self,
        renderable: rich_console.RenderableType,
        options: rich_console.ConsoleOptions | None = None,
    ) -> Iterable[Segment]:
        """Render as rich does; see `printable` for what becomes of the text."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(self._expressible(text), style)

    def _expressible(self, text: str) -> str:
        shown = printable(text)
        try:
            shown.encode(self.encoding)
        except UnicodeEncodeError:
            shown = shown.translate(_PLAIN)
        return shown.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def on_broken_pipe(self) -> None:
        """Leave to the command line what a closed pipe means: rich would exit with status 1."""
        raise  # rich calls this while it handles the BrokenPipeError  # noqa: PLE0704 (rich calls it in its handler)


def console(file: IO[str] | None = None, *, stderr: bool = False) -> Console:
    """The terminal; where the output goes to a file or a pipe, as wide as tables need."""
    made = Console(file=file, stderr=stderr)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = WIDTH_OF_FILES
    return made
