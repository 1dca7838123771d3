"""The standalone script of a violation: it imports JAX, Flax and NumPy only, and runs anywhere.

It exits with 1 on a release that violates the law on this call, and with 0 on one that does not.
"""

import os
import textwrap

from conformance.transforms.linen.modules import ORIGINS
from conformance.user_subjects.transforms import MADE
from conformance.violations import IMPORTS_OWN
from conformance.violations.script import functions, modules, pruning, templates
from conformance.violations.script.parts import Parts, arrays
from properties.call import WIDE, Call, FunctionCall, with_dtypes_of
from properties.compare import Expected
from properties.law import Law, Violation
from properties.transform import Transform

__all__ = ["script"]

_PRECISION = "JAX_DEFAULT_MATMUL_PRECISION"
"""Where the run had set it, the script does."""


def script(law: Law, transform: Transform, found: Violation) -> str:
    """Python that shows the violation of a call's first combination of axes."""
    call = found.call.only(found.call.axes[0])
    with with_dtypes_of(call):
        parts = (
            functions.parts(transform, call, found)
            if isinstance(call, FunctionCall)
            else modules.parts(transform, call, found)
        )
        return _head(law, transform, call, found) + _body(transform, found, parts)


def _head(law: Law, transform: Transform, call: Call, found: Violation) -> str:
    precision = os.environ.get(_PRECISION)
    return templates.HEAD.format(
        law=law.id,
        transform=transform.name,
        subject=_quoted(call.subject_name),
        sentence=law.sentence,
        imports=_imports(transform, call),
        x64='jax.config.update("jax_enable_x64", True)\n' if call.dtype in WIDE else "",
        precision=f'os.environ.setdefault("{_PRECISION}", "{precision}")\n' if precision else "",
        message=_quoted(textwrap.fill(str(found.mismatch)[:600], 96)),
    )


def _imports(transform: Transform, call: Call) -> str:
    """What the script of a user's own subject or map needs beside JAX, Flax and NumPy."""
    said = []
    if call.subject.own is not None:
        said.append(_is_own("subject", ORIGINS.get(call.subject_name)))
    if transform.name in MADE:
        said.append(_is_own("map", MADE[transform.name]))
    return "".join(said)


def _is_own(what: str, origin: str | None) -> str:
    where = f"the module {origin}, which lists it" if origin else "what it was made of"
    return f"The {what}{IMPORTS_OWN}{where}, and vmap-conformance.\n"


def _body(transform: Transform, found: Violation, parts: Parts) -> str:
    # An array that cannot be read is no result either.
    reading = ["got = jax.tree_util.tree_map(numbers, got)"]
    lines = [*parts.attempt, *(reading if isinstance(parts.expected, Expected) else [])]
    attempt = pruning.needed("\n".join(filter(None, lines)), "got")
    setup = pruning.needed("\n".join(parts.setup), f"{attempt} {parts.drawn} {parts.expected}")
    attempt = templates.indented(attempt)
    if parts.expected is None:
        return setup + templates.EXCEPTION.format(
            transform=transform.name,
            attempt=attempt,
            wanted=found.mismatch.due,
            says=found.mismatch.says,
        )
    result = templates.RESULT.format(transform=transform.name, attempt=attempt)
    if isinstance(parts.expected, Expected):
        compare = templates.ARRAYS.replace("{agree}", templates.source_of_agree())
        return "\n".join([setup, *arrays(parts.expected), parts.drawn, result]) + compare
    return "\n".join([setup, f"expected = {parts.expected}", result]) + templates.NAMES


def _quoted(text: str) -> str:
    """Text as it may stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"', "'")
