"""Files with views of verdicts, for `check` and for `report` of a log of verdicts."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from conformance.cli.output_files import check_access, check_file, check_log, nearest, writing

if TYPE_CHECKING:
    from conformance.events.records import Header, Verdict
    from conformance.reporting.verdicts.marking import Marking

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)


@attrs.frozen(kw_only=True)
class VerdictFiles:
    """Which files to write; None where one was not asked for.

    Attributes:
        judged: the paths whose verdicts they show, each with all below it.
        present: students whose pages stay though nothing is said of them yet.

    """

    html: Path | None = None
    junit: Path | None = None
    csv: Path | None = None
    gradescope: Path | None = None
    judged: tuple[str, ...] = ()
    present: tuple[str, ...] = ()

    def named(self) -> dict[str, Path]:
        """The files asked for, by their option's name."""
        fields = attrs.asdict(self, filter=attrs.filters.exclude("judged", "present"))
        return {name: path for name, path in fields.items() if path is not None}


marks_option = click.option(
    "--marks",
    "marks_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="exercises.toml",
    help='Points for each exercise and the rule for partial credit, such as `partial = "calls"` and '
    "`[exercises.vectorized_dot_product]` with `points = 5`; judges these exercises. "
    "docs/marking-a-class.md has more.",
)
csv_option = click.option("--csv", type=FILE, help="Write one row of marks for each student here.")
gradescope_option = click.option(
    "--gradescope", type=FILE, help="Write one student's marks as Gradescope's results.json here."
)
html_option = click.option(
    "--html",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a page for the class and one for each student into this directory.",
)
junit_option = click.option("--junit", type=FILE, help="Write JUnit XML here.")


def verdict_files(command: Command) -> Command:
    """Options of what is written of verdicts; the command gets them as `files`."""

    @functools.wraps(command)
    def wrapped(
        *,
        html: Path | None,
        junit: Path | None,
        csv: Path | None,
        gradescope: Path | None,
        **others: Any,
    ) -> Any:
        files = VerdictFiles(html=html, junit=junit, csv=csv, gradescope=gradescope)
        return command(files=files, **others)

    made: Any = wrapped
    for option in reversed((csv_option, html_option, junit_option, gradescope_option)):
        made = option(made)
    return made  # type: ignore[no-any-return]  # click's decorators keep the function


def read_marks(path: Path | None, *, alone: bool = True) -> Marking | None:
    """What the file says of points. Raises click's usage error, one line, where it is malformed.

    Args:
        path: The file, if there is one.
        alone: Whether nothing else names exercises; a file and another option contradict each other.
    """
    if path is None:
        return None
    if not alone:
        raise click.UsageError(
            "--marks names the exercises and which are required: leave out --exercise and --require"
        )
    from conformance.reporting.verdicts.marking import InvalidMarking, read_marking

    try:
        return read_marking(path)
    except InvalidMarking as problem:
        raise click.UsageError(str(problem)) from None


def write_files(
    files: VerdictFiles,
    verdicts: Sequence[Verdict],
    *,
    marking: Marking | None,
    header: Header | None,
    required: Sequence[str] = (),
    skipped: Sequence[str] = (),
) -> None:
    """Write every file that was asked for.

    Args:
        files: which.
        verdicts: what came of the candidates, in their order.
        marking: what a teacher states of points.
        header: what is known of the run.
        required: the exercises that count where no points are stated.
        skipped: what was found and not judged.

    Raises:
        click.ClickException: A file cannot be written.

    """
    from conformance.reporting.verdicts import gradescope, junit, table
    from conformance.reporting.verdicts.marks import mark

    marked = mark(verdicts, marking, required)
    if files.csv is not None:
        made = io.StringIO(newline="")
        table.write_csv(made, marked, skipped)
        with writing(files.csv):  # at once: beside a watch, others read it
            files.csv.write_text(made.getvalue(), encoding="utf-8", newline="")
    if files.junit is not None:
        with writing(files.junit):
            files.junit.write_text(junit.render(verdicts), encoding="utf-8")
    if files.gradescope is not None:
        with writing(files.gradescope):
            files.gradescope.write_text(gradescope.render(marked), encoding="utf-8")
        if len(marked.rows) > 1:
            click.echo(
                f"note: --gradescope reads the {len(marked.rows)} files as one student's: "
                "each exercise counts where it is best",
                err=True,
            )
    if files.html is not None:
        from conformance.reporting.verdicts import html  # needs Jinja

        with writing(files.html):
            html.write_pages(files.html, marked, header, skipped, files.judged, files.present)
    written = {**files.named(), **({"html": files.html / "index.html"} if files.html else {})}
    if written:
        click.echo(f"written: {', '.join(map(str, written.values()))}", err=True)


def check_writable(files: VerdictFiles, log: Path | None = None) -> None:
    """Check before anything is judged that each file can be written, and is not somebody else's.

    Args:
        files: the views.
        log: the event log, if there is one.

    Raises:
        click.ClickException: A file cannot be written.
        click.UsageError: It is there, and was not written by `check` or `report`.

    """
    if log is not None:
        check_log(log)
    for name, path in files.named().items():
        if name == "html":  # directories are made
            with writing(path):
                check_access(nearest(path), directory=True)
        else:
            check_file(path)
    # Only a file has a first line: reading a pipe would wait for what nobody writes.
    if files.csv is not None and files.csv.is_file():
        from conformance.reporting.verdicts.table import is_ours as is_our_table

        with writing(files.csv):
            if not is_our_table(files.csv):
                raise click.UsageError(
                    f"--csv {files.csv} exists and is no table of marks: give another name"
                )
    if files.html is not None:
        _check_pages(files.html, files.judged)


def _check_pages(directory: Path, judged: tuple[str, ...]) -> None:
    """Raise click's usage error where the directory has somebody else's page, or other students'."""
    from conformance.reporting.verdicts.html import is_ours, pages_of_others

    index = directory / "index.html"
    with writing(index):
        if index.exists() and not is_ours(index):
            raise click.UsageError(
                f"--html {directory} has an index.html that was not written here: give another directory"
            )
        others = pages_of_others(directory, judged)
    if others:
        who = "a student who is" if len(others) == 1 else f"{len(others)} students who are"
        raise click.UsageError(
            f"--html {directory} has pages of {who} not judged now, such as {others[0]}: "
            "give another directory, or the directory of the whole class to judge"
        )
