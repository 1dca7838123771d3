"""The sources of files as one text, for a standalone script."""

import inspect
import re
from types import ModuleType

_IMPORT = re.compile(r"^from conformance[^(\n]*(\([^)]*\))?.*\n", re.MULTILINE)


def joined(*modules: ModuleType) -> str:
    """The sources of modules that import each other, in this order, without those imports."""
    return "\n\n".join(_IMPORT.sub("", inspect.getsource(module)) for module in modules)
