"""Options that several commands have, and how a word that is not known is answered."""

import fnmatch
import functools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from conformance.cli.output_files import OutputFile
from conformance.cli.verdict_views import csv_option, gradescope_option, marks_option
from conformance.reporting.suggestions import unknown

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
"""A path of a file, which is not checked here; `OutputFile` checks what a command writes."""


def selection(command: Command) -> Command:
    """What to run: profile, laws, transforms, subjects and seed."""
    for option in reversed(_SELECTION):
        command = option(command)
    return command


def selection_of_cells(command: Command) -> Command:
    """As `selection`, for commands whose cells load the user's subjects: names are checked there."""
    for option in reversed(_SELECTION_OF_CELLS):
        command = option(command)
    return command


def selection_of_suite(command: Command) -> Command:
    """As `selection_of_cells`, for commands that check the suite's own subjects alone."""
    for option in reversed(_SELECTION_OF_SUITE):
        command = option(command)
    return command


def views(command: Command) -> Command:
    """Where to write what the log shows."""
    for option in reversed(_VIEWS):
        command = option(command)
    return command


@attrs.frozen(kw_only=True)
class Views:
    """How to show a log, and which files to write."""

    html: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    verbosity: int = 0
    """-1: one line; 0: groups of laws; 1: laws; 2: every item, too."""
    json: bool = False
    """Print one JSON document, not text."""
    yours: bool = False
    """Whether the status of a comparison is of the user's own code alone."""
    csv: Path | None = None
    gradescope: Path | None = None
    marks_file: Path | None = None
    """These three are of verdicts."""

    @property
    def files(self) -> bool:
        """Whether any file was asked for."""
        return any((self.html, self.junit, self.markdown))

    @property
    def of_verdicts(self) -> bool:
        """Whether something was asked for that only verdicts have."""
        return any((self.csv, self.gradescope, self.marks_file))


def run_views(command: Command) -> Command:
    """Options of what is shown and written of a run; the command gets them as `views`."""

    @functools.wraps(command)
    def wrapped(
        *,
        html: Path | None,
        junit: Path | None,
        markdown: Path | None,
        verbose: int,
        quiet: bool,
        format: str,
        csv: Path | None = None,
        gradescope: Path | None = None,
        marks_file: Path | None = None,
        **others: Any,
    ) -> Any:
        if quiet and verbose:
            raise click.UsageError("-q and -v contradict each other: give one of them")
        if format == "json" and (quiet or verbose):
            raise click.UsageError("--format json is the whole: -q and -v do not apply to it")
        verbosity = -1 if quiet else verbose
        asked = Views(
            html=html,
            junit=junit,
            markdown=markdown,
            verbosity=verbosity,
            json=format == "json",
            csv=csv,
            gradescope=gradescope,
            marks_file=marks_file,
        )
        return command(views=asked, **others)

    made: Any = wrapped
    for option in reversed((*_VIEWS, *_SHOWN)):
        made = option(made)
    return made  # type: ignore[no-any-return]  # click's decorators keep the function


def log_views(command: Command) -> Command:
    """As `run_views`, of a log that may be one of verdicts."""
    made: Any = run_views(command)
    for option in reversed((csv_option, gradescope_option, marks_option)):
        made = option(made)
    for parameter in made.__click_params__:
        if parameter.name == "html":  # of verdicts it is a directory
            parameter.type = click.Path(path_type=Path)
            parameter.metavar = "FILE|DIR"
            parameter.help = "Write an HTML page here; of verdicts a directory of pages."
    return made  # type: ignore[no-any-return]  # as above


def carried(command: Command) -> Command:
    """What of the user's own goes into the environments that are built."""
    for option in reversed(_CARRIED):
        command = option(command)
    return command


everything = click.option(
    "-v",
    "--all",
    "everything",
    is_flag=True,
    help="Show every difference between environments, and laws by environment.",
)


class Shard(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2 only
    """`I/N`, the I-th of N parts."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """The pair (I, N) that the text `I/N` gives; a usage error where it is not such a text."""
        part, _, parts = str(value).partition("/")
        if part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts):
            return int(part), int(parts)
        return self.fail(f"{value!r} is not I/N with I from 1 to N, such as 2/4", param, ctx)


def _load_own(ctx: click.Context, param: click.Parameter, modules: tuple[str, ...]) -> Any:
    """Load the user's subjects, so that their names can be chosen."""
    chosen = modules or _modules_of_project()
    if chosen:
        from conformance.runner import process_env

        process_env.prepare()
        from conformance.user_subjects import loading
        from conformance.user_subjects.subjects import SubjectsError

        try:
            for module in chosen:
                loading.load(module)
        except SubjectsError as error:
            raise click.UsageError(str(error)) from None
    return chosen


def _name_own(ctx: click.Context, param: click.Parameter, modules: tuple[str, ...]) -> Any:
    """The modules that list the user's subjects. The cells load them, this process does not."""
    return modules or _modules_of_project()


def _modules_of_project() -> tuple[str, ...]:
    """The modules that pyproject.toml names. Raises a usage error where it does not name modules."""
    named = _project().get("subjects", [])
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise click.UsageError(
            f"pyproject.toml: subjects of [tool.vmap-conformance] is {named!r}, and must be a list of "
            'modules, such as ["mymodel.subjects"]'
        )
    return tuple(named)


def _project() -> dict[str, Any]:
    """The table `[tool.vmap-conformance]` of the pyproject.toml here, if there is one."""
    if not Path("pyproject.toml").exists():
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
        return dict(table.get("tool", {}).get("vmap-conformance", {}))
    except TypeError:
        raise click.UsageError("pyproject.toml: tool.vmap-conformance is no table") from None
    except OSError:
        return {}
    except ValueError as error:
        raise click.ClickException(f"pyproject.toml cannot be read: {error}") from None


def _choices(kind: str) -> Any:
    def callback(ctx: click.Context, param: click.Parameter, globs: tuple[str, ...]) -> Any:
        return known_laws(globs) if kind == "law" else known(kind, globs, lambda: names(kind))

    return callback


def known_laws(globs: tuple[str, ...]) -> tuple[str, ...]:
    """Check globs against the laws' present and former ids; give them as globs over present ids."""
    from properties import law_ids

    known("law", globs, lambda: [*names("law"), *law_ids.RENAMED])
    return law_ids.current_globs(globs)


def known(kind: str, globs: tuple[str, ...], every: Callable[[], Iterable[str]]) -> Any:
    """Check globs against the names there are, so that none chooses nothing."""
    there = list(every()) if globs else []
    for glob in globs:
        if not any(fnmatch.fnmatchcase(name, glob) for name in there):
            raise click.UsageError(unknown(kind, glob, there))
    return globs


def names(kind: str) -> list[str]:
    """The names of all things of a kind, such as `law` or `transform`."""
    from conformance.cli import catalogue

    return [row["name"] for row in catalogue.rows(kind + "s")]


def groups(ctx: click.Context, param: click.Parameter, globs: tuple[str, ...]) -> Any:
    """Check the names of groups of observations."""

    def every() -> Iterable[str]:
        from conformance.runner import process_env

        process_env.prepare()
        from conformance.observations import GROUPS

        return GROUPS

    return known("group of observations", globs, every)


def _globs(kind: str, metavar: str, help: str) -> Any:
    return click.option(
        f"--{kind}",
        kind + "s",
        multiple=True,
        metavar=metavar,
        callback=_choices(kind),
        shell_complete=completion(kind),
        help=help,
    )


def completion(kind: str) -> Callable[..., list[str]]:
    """A completer of the names of this kind, for click's `shell_complete`."""

    def complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
        return [name for name in names(kind) if name.startswith(begun)]

    return complete


def _own_subjects(callback: Any) -> Any:
    return click.option(
        "--subjects",
        "own",
        multiple=True,
        metavar="MODULE",
        is_eager=True,
        callback=callback,
        help="Add the subjects that this module of yours lists; repeatable. By default those of "
        "[tool.vmap-conformance] in pyproject.toml.",
    )


def own_subjects(command: Command) -> Command:
    """Add the user's own subjects to this process; the command gets the modules as `own`."""
    made: Command = _own_subjects(_load_own)(command)
    return made


def _selecting(subject: Any) -> tuple[Any, ...]:
    return (
        click.option(
            "--profile",
            type=click.Choice(["quick", "ci", "thorough"]),
            default="quick",
            show_default=True,
            help="How hard to try.",
        ),
        _globs("law", "ID", "Only laws that match this glob; repeatable."),
        _globs("transform", "NAME", "Only these transforms."),
        subject,
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            metavar="N",
            help="What the calls are drawn from; the header prints it.",
        ),
    )


_SELECTION = (
    _own_subjects(_load_own),
    *_selecting(_globs("subject", "NAME", "Only these subjects.")),
)
_SELECTION_OF_SUITE = _selecting(
    click.option(
        "--subject", "subjects", multiple=True, metavar="NAME", help="Only these subjects."
    )
)
_SELECTION_OF_CELLS = (_own_subjects(_name_own), *_SELECTION_OF_SUITE)

_VIEWS = (
    click.option("--html", type=OutputFile(), help="Write a self-contained HTML page here."),
    click.option("--junit", type=OutputFile(), help="Write JUnit XML here."),
    click.option("--markdown", type=OutputFile(), help="Write a Markdown summary here."),
)

output_format = click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one document, of conformance/reporting/document.schema.json.",
)
"""What is printed."""

_SHOWN = (
    click.option(
        "-v", "--verbose", count=True, help="Show every law; twice: every law, transform, subject."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print one line."),
    output_format,
)

_CARRIED = (
    click.option(
        "--with",
        "extra",
        multiple=True,
        metavar="REQUIREMENT",
        help="Install this into each environment, too; repeatable.",
    ),
    click.option(
        "--with-editable",
        "editable",
        multiple=True,
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="Install the package in this directory, too; repeatable.",
    ),
)
