"""Errors of what surrounds a file: input, other files, memory, processes, the network, encodings, modules."""

from __future__ import annotations

from conformance.judge.sandbox.isolation import MAX_FILE_BYTES, MAX_FILES
from conformance.judge.verdict import Diagnosis

SURROUNDING_ERRORS: tuple[tuple[str, Diagnosis], ...] = (
    (
        r"^EOFError: EOF when reading a line",
        Diagnosis(
            "asks-for-input",
            "The file asks for input, and nobody types anything where files are judged.",
            "Write the value into the file, or ask under `if __name__ == '__main__':`, which is not "
            "run here.",
        ),
    ),
    (
        r"^FileNotFoundError",
        Diagnosis(
            "file-not-there",
            "The file opens one that is not there: of what was handed in, only Python files are.",
            "Make the data in the file, or read it under `if __name__ == '__main__':`, which is not "
            "run here.",
        ),
    ),
    (
        r"^(PermissionError|OSError: \[Errno 30\])",
        Diagnosis(
            "place-not-allowed",
            "The file reads or writes where it may not: its current directory is the only place of its own.",
            "Write beside the file, as in `open('out.txt', 'w')`, or under `if __name__ == '__main__':`, "
            "which is not run here.",
        ),
    ),
    (
        r"^(BlockingIOError: \[Errno 11\]|RuntimeError: can't start new thread)",
        Diagnosis(
            "too-many-processes",
            "The file started more processes or threads than one may have here.",
            "Start a few at most, and see whether what starts them comes to an end. JAX maps examples "
            "without any.",
        ),
    ),
    (
        r"^MemoryError|^OSError: \[Errno 12\]|RESOURCE_EXHAUSTED",
        Diagnosis(
            "too-much-memory",
            "The file asked for more memory than one may have here.",
            "See how large the arrays become at the sizes of the call, and whether a list or a loop grows "
            "without end.",
        ),
    ),
    (
        r"^OSError: \[Errno (27|28|122)\]",
        Diagnosis(
            "too-much-disk",
            "The file wrote more than its directory may hold here: "
            f"{MAX_FILE_BYTES // 2**20} MiB, and {MAX_FILES:,} files.",
            "Write less, or write under `if __name__ == '__main__':`, which is not run here.",
        ),
    ),
    (
        r"^(URLError|gaierror|NewConnectionError|MaxRetryError|ConnectionError)\b",
        Diagnosis(
            "no-network",
            "The file loads something from the network, and there is none where files are judged.",
            "Load it under `if __name__ == '__main__':`, which is not run here, or leave it out.",
        ),
    ),
    (
        r"^SyntaxError: .*(codec can't decode|Non-UTF-8 code)",
        Diagnosis(
            "not-utf-8",
            "The file is not UTF-8, the encoding in which Python reads a source.",
            "Save it as UTF-8: editors offer that under `Save with Encoding`.",
        ),
    ),
    (
        r"the student's own `[\w.]+` has the name of a module",
        Diagnosis(
            "hides-an-installed-module",
            "A file beside this one has the name of a module of Python's or of an installed package, "
            "and would be imported in its place.",
            "Give the file another name, such as `my_random.py` for `random.py`.",
        ),
    ),
    (
        r"attempted relative import with no known parent package",
        Diagnosis(
            "relative-import",
            "The file imports from `.`, which only a module of a package can.",
            "Leave the dot out: `from helpers import f` in place of `from .helpers import f`.",
        ),
    ),
)
"""Texts of exceptions, and what each comes from."""
