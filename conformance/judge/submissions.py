"""Finding candidates' files and reading them without being held up by what they are."""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

import attrs

from conformance.judge import notebooks
from conformance.reporting.verdicts import LEFT_BY_A_TOOL

MAX_NOTEBOOK = 32 * 2**20
"""Bytes of the largest notebook that is read: it carries its pictures."""
MAX_SOURCE = 2**20
"""Bytes of the most Python source that is run."""
MAX_MODULES = 200
"""Python files of one student that are loaded beside the candidate."""
MAX_MODULE_BYTES = 4 * 2**20
"""Bytes that all of them may have together."""
SUFFIXES = (".py", ".ipynb")
IGNORED = (
    "__MACOSX",
    "__pycache__",
    ".git",
    ".ipynb_checkpoints",
    ".venv",
    "site-packages",
    "venv",
)
"""Directories that no student hands in: what tools leave behind."""
PARTS_OF_A_PROJECT = ("src", "test", "tests")
"""Directories that a project has, and that no student is called."""
COPY_OF_ATTRIBUTES = "._"
"""How the name of a file begins that macOS leaves beside each one in an archive."""
OF_DESKTOPS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files in which desktops keep how they show a directory."""

Students = Literal["auto", "directory", "file", "path"]
"""Which files are one student's: `find_candidates` says what each means."""
STUDENTS: tuple[str, ...] = get_args(Students)


class UnreadableCandidate(Exception):
    """A candidate that cannot be read; the message says why, and what to give instead."""


@attrs.frozen
class Submission:
    """A candidate's source as it is run.

    Attributes:
        path: the file, as it was named or found.
        lines: where each line of the source is in a notebook: its cell and the line there.
        cells: the lines on which the cells of a notebook, or of an exported one, begin, from 0.
        notes: what was left out of the file, or of what lies beside it.
        place: where the file lies in its student's directory; "" for its name alone.
        modules: the student's other Python files: where each lies there, and its bytes.

    """

    path: Path
    source: bytes
    notebook: bool = False
    lines: tuple[tuple[int, int], ...] = ()
    cells: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    place: str = ""
    modules: tuple[tuple[str, bytes], ...] = ()

    def location(self, line: str) -> str:
        """A line number of the source in the words of whoever wrote the file."""
        if self.lines and line.isdecimal() and 0 < int(line) <= len(self.lines):
            cell, number = self.lines[int(line) - 1]
            return f"cell {cell}, line {number}"
        return line


@attrs.frozen
class Found:
    """The candidates below the paths that were given, and everything else that lies there.

    Attributes:
        students: for each candidate the directory that is its student's, or the file itself.
        rule: which of `STUDENTS` said so.
        notes: directories whose files are taken for several students', and why.

    """

    candidates: tuple[Path, ...]
    skipped: tuple[str, ...]
    students: Mapping[Path, Path] = attrs.field(factory=dict)
    rule: str = "auto"
    notes: tuple[str, ...] = ()


def find_candidates(paths: Iterable[Path], students: str = "auto") -> Found:
    """The files themselves, and of every directory the Python files and notebooks in it, sorted.

    Symbolic links inside a directory are never followed; one with a candidate's name is a candidate
    that cannot be read.

    Args:
        paths: files and directories.
        students: which files are one student's. "directory": those of each directory that lies in one
            of the paths; a file directly in it is a student's of its own. "auto": the same, until
            `of_students` finds several students in a directory; all below a path that has a directory
            `src` or `tests`, which is no student's name. "file": each file. "path": all below
            each of the paths. A path that is a file is always by itself.

    """
    owners: dict[Path, Path] = {}
    skipped: list[str] = []
    for path in paths:
        if path.is_dir():
            found = _below(path)
            rule = "path" if students == "auto" and _is_a_project(path) else students
            for each in found.candidates:
                owners.setdefault(each, _student(each, path, rule))
            skipped += found.skipped
        else:
            owners.setdefault(path, path)
    return Found(tuple(owners), tuple(skipped), owners, students)


def _is_a_project(directory: Path) -> bool:
    """Whether a directory is laid out as one student's, not as a class's."""
    return any((directory / name).is_dir() for name in PARTS_OF_A_PROJECT)


def _student(path: Path, directory: Path, students: str) -> Path:
    """The directory below which all is of the student whose file `path` is, or the file itself."""
    if students == "path":
        return directory
    first, *rest = path.relative_to(directory).parts
    return directory / first if rest and students in ("auto", "directory") else path


def of_students(found: Found, names: Collection[str]) -> Found:
    """The candidates by student, less the files that only serve a student's other ones.

    Where two files in a directory define the same exercise, the rule "auto" takes each file there for a
    student's of its own: a section of a class must not be marked as one student, nor may its files
    import each other.

    A file that mentions none of the exercises, or one of tests, is not judged by itself where another
    file of the same student mentions one: the others may import it. What nothing can import is skipped.

    Args:
        found: the candidates and their students.
        names: the exercises' names.

    """
    files: dict[Path, list[Path]] = {}
    for path in found.candidates:
        files.setdefault(found.students[path], []).append(path)
    judged: set[Path] = set()
    students = dict(found.students)
    notes: list[str] = []
    for directory, own in files.items():
        contents = {path: _content(path) for path in own} if len(own) > 1 else {}
        if found.rule == "auto" and _has_several_students(contents.values(), names):
            students.update((path, path) for path in own)
            judged.update(own)
            first, second, *_ = own
            notes.append(
                f"{directory}: several files, such as {first.name} and {second.name}, define one "
                "exercise: each is judged as a student's of its own; --students directory takes them "
                "as one student's"
            )
            continue
        naming = [path for path, content in contents.items() if _mentions(content, names)]
        solving = [path for path in naming if not _TESTS.search(path.as_posix())]
        judged.update(solving or naming or own)
    kept = tuple(path for path in found.candidates if path in judged)
    others = (path for path in found.candidates if path not in judged)
    left = [f"{path} (names no exercise)" for path in others if not _can_be_imported(path)]
    skipped = tuple(sorted([*found.skipped, *left]))
    return attrs.evolve(
        found, candidates=kept, skipped=skipped, students=students, notes=tuple(notes)
    )


_TESTS = re.compile(r"(?:^|/)(?:tests?/[^/]+|test_[^/]*|[^/]*_test|conftest)\.py$")
"""What pytest collects: a student's own tests."""


def _has_several_students(contents: Iterable[bytes | None], names: Collection[str]) -> bool:
    """Whether two of a directory's files define the same exercise, as its own line of source does."""
    defined: list[bytes] = []
    pattern = re.compile(
        # A line of a notebook's cell begins with a quotation mark.
        rb"(?:^|\")(?:(?:async )?def (\w+)\b|(\w+)\s*=[^=])",
        re.MULTILINE,
    )
    known = {name.encode() for name in names}
    for content in contents:
        found = {first or second for first, second in pattern.findall(content or b"")}
        defined += found & known
    return len(set(defined)) < len(defined)


def _content(path: Path) -> bytes | None:
    """The file's bytes; None where it has to be refused in words."""
    try:
        return read_file(path, named=False)
    except UnreadableCandidate:
        return None


def _can_be_imported(path: Path) -> bool:
    """Whether the file is Python source, which a student's other files may import."""
    try:
        ast.parse(read_file(path, named=False))
    except (UnreadableCandidate, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return path.suffix == ".py"


def _mentions(content: bytes | None, names: Collection[str]) -> bool:
    return content is None or any(name.encode() in content for name in names)


def _below(directory: Path) -> Found:
    candidates: list[Path] = []
    skipped: list[str] = []

    def unreadable(problem: OSError) -> None:
        skipped.append(f"{problem.filename} (cannot be read: {problem.strerror})")

    for place, folders, names in os.walk(directory, followlinks=False, onerror=unreadable):
        if not folders and not names:
            skipped.append(f"{place}{os.sep} (empty)")
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        odd = [name for name in folders if name.endswith(SUFFIXES)]
        ignored = [name for name in folders if name in IGNORED and name not in odd]
        folders[:] = sorted(set(folders) - {*links, *odd, *ignored})
        skipped += [f"{Path(place, name)} {LEFT_BY_A_TOOL}" for name in ignored]
        skipped += [f"{Path(place, name)} (a symbolic link)" for name in links if name not in odd]
        for name in (*names, *odd):
            if name.startswith(COPY_OF_ATTRIBUTES) or name in OF_DESKTOPS:
                skipped.append(f"{Path(place, name)} {LEFT_BY_A_TOOL}")
            elif name.endswith(SUFFIXES):
                candidates.append(Path(place, name))
            else:
                skipped.append(f"{Path(place, name)} (no .py or .ipynb)")
    return Found(tuple(sorted(candidates)), tuple(sorted(skipped)))


def read_candidate(path: Path, *, named: bool = True, student: Path | None = None) -> Submission:
    """The file as it is to be run.

    Args:
        path: the candidate's file, a Python source or a notebook.
        named: whether the user named this very file; only then is a symbolic link followed.
        student: the directory that is its student's, whose Python files it may import; None, or
            the file itself, where nothing beside it is.

    Raises:
        UnreadableCandidate: It is no regular file, too large, or a notebook that is none.

    """
    content = read_file(path, named=named)
    try:
        submission = _submission(path, content)
    except notebooks.InvalidNotebook as problem:
        raise UnreadableCandidate(f"the notebook cannot be read: {problem}") from None
    if student is None or student == path:
        return submission
    return _with_modules(submission, student)


def _with_modules(submission: Submission, student: Path) -> Submission:
    """The submission with the other Python files of its student, the nearest to the top first."""
    names = sorted(_python_files(student), key=lambda name: (name.count("/"), name))
    place = submission.path.relative_to(student).as_posix()
    modules: list[tuple[str, bytes]] = []
    left, notes = MAX_MODULE_BYTES, submission.notes
    for name in [each for each in names if each != place]:
        try:
            content = read_file(student / name, named=False)
        except UnreadableCandidate:
            continue  # an import of it fails, and says which
        if len(modules) == MAX_MODULES or len(content) > left:
            note = (
                f"of the Python files beside it, only {len(modules)} can be imported: at most "
                f"{MAX_MODULES}, of {MAX_MODULE_BYTES // 2**20} MiB together, are loaded"
            )
            notes = (*notes, note)
            break
        modules.append((name, content))
        left -= len(content)
    return attrs.evolve(submission, place=place, modules=tuple(modules), notes=notes)


def _python_files(directory: Path) -> list[str]:
    """Where below the directory its Python files lie, with `/`; no symbolic link is followed."""
    found = []
    for place, folders, names in os.walk(directory, followlinks=False):
        folders[:] = [name for name in folders if name not in IGNORED]
        below = Path(place).relative_to(directory)
        kept = (each for each in names if each.endswith(".py"))
        found += [
            (below / name).as_posix() for name in kept if not name.startswith(COPY_OF_ATTRIBUTES)
        ]
    return found


def _submission(path: Path, content: bytes) -> Submission:
    notebook = path.name.endswith(".ipynb")
    code = notebooks.from_json(content) if notebook else notebooks.from_export(_decoded(content))
    code = code or notebooks.Source("")
    source = code.source.encode("utf-8", "replace") if notebook or code.source else content
    notes = code.notes
    if len(source) > MAX_SOURCE:
        raise UnreadableCandidate(
            f"the source is larger than {MAX_SOURCE} bytes: hand in the solution alone"
        )
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableCandidate("the file is UTF-16: save it as UTF-8")
    if not notebook and _decoded(source) is None and not _CODING.search(source[:500]):
        notes = (*notes, "the file is not UTF-8, and `python` refuses to run it: save it as UTF-8")
    return Submission(path, source, notebook, code.lines, code.cells, notes)


_CODING = re.compile(rb"\A(?:[^\n]*\n)?[ \t\f]*#.*?coding[:=]")
"""A line that says which encoding a source has, among its first two."""


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None  # Python says itself what is wrong, or finds the coding line


def read_file(path: Path, *, named: bool = True) -> bytes:
    """The file's bytes. Raises UnreadableCandidate."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if named else os.O_NOFOLLOW)
    try:
        if not named and path.is_symlink():
            raise UnreadableCandidate(
                "this is a symbolic link, which is not followed: hand in the file itself"
            )
        descriptor = os.open(path, flags)
    except OSError as problem:
        raise UnreadableCandidate(f"the file cannot be read: {problem.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableCandidate("this is not a regular file: give a file of Python source")
        content = os.read(descriptor, MAX_NOTEBOOK + 1)
    except OSError as problem:
        raise UnreadableCandidate(f"the file cannot be read: {problem.strerror}") from None
    finally:
        os.close(descriptor)
    is_notebook = path.suffix == ".ipynb"
    limit = MAX_NOTEBOOK if is_notebook else MAX_SOURCE
    if len(content) > limit:
        remedy = "clear its outputs" if is_notebook else "give a file of Python source"
        raise UnreadableCandidate(f"the file is larger than {limit} bytes: {remedy}")
    return content
