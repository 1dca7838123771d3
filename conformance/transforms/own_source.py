"""The sources of files as one text, for a standalone script."""

import inspect
import re
import sys
from collections.abc import Iterator
from types import ModuleType

_IMPORT = re.compile(r"^from (conformance\S*) import[^(\n]*(\([^)]*\))?.*\n", re.MULTILINE)


def joined(*modules: ModuleType) -> str:
    """The sources of modules of this package and of those that they import, each after what it imports.

    Where two of them define one name, the text has the meaning of the last: they must not.
    """
    every = dict.fromkeys(each for module in modules for each in _with_imports(module))
    return "\n\n".join(_IMPORT.sub("", inspect.getsource(module)) for module in every)


def _with_imports(module: ModuleType) -> Iterator[ModuleType]:
    for found in _IMPORT.finditer(inspect.getsource(module)):
        yield from _with_imports(sys.modules[found[1]])
    yield module
