"""Why a law has nothing to say of a transform or a subject: reasons in words, None where it applies."""

import functools

import jax

from properties import lacking
from properties.sizes import some_call
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform
from properties.trees import Raised


def unavailable(subject: Subject) -> str | None:
    """Why this release cannot do what a subject of the catalogue does, unmapped; None where it can."""
    refused = refusal(subject)
    if refused is None or not _may_lack(subject, refused):
        return None
    return f"jax {jax.__version__} does not do it unmapped: {Raised(refused)!r}"


def newly_unavailable(subject: Subject) -> bool:
    """Whether a release that is newer than any that was tried cannot do what they could."""
    refused = refusal(subject)
    return (
        refused is not None
        and lacking.is_newer()
        and not _says_so_itself(subject, refused)
        and _says_what_is_missing(refused)
    )


def raised_alone(subject: Subject) -> Exception | None:
    """What a subject of the catalogue raises unmapped, but for errors that say what the release lacks.

    Subjects map, and differentiate, within: what breaks a transform may break them before any map is
    made of them, and then no law could say so.
    """
    refused = refusal(subject)
    return None if refused is None or _may_lack(subject, refused) else refused


_MISSING_DTYPES = ("not understood", "float8_e8m0fnu")
"""What exceptions say of a dtype that NumPy and ml_dtypes lack, whatever JAX is."""
_OF_MISSING = (AttributeError, ImportError, NotImplementedError)
_MISSING = (
    # What a release that nobody has seen yet may say of what it has dropped.
    *("positional argument", "no longer", "removed", "deprecated", "not supported", "unsupported"),
    *("not implemented", "not available"),
    "unexpected keyword argument",
    "Got unexpected `to` value",
    "unrecognized PRNG implementation",
    # A parameter that is not known yet is an operand.
    "is not a valid JAX type",
    "of the allowed methods",
    "Invalid value received for the device_local_layout argument",
    *_MISSING_DTYPES,
    "jit-wrapped function was called with a non-array argument",
    # Of `lax.map` in batches larger than the whole.
    "integer division or modulo by zero",
    # A name or a parameter that only traced code lacks.
    "Attempted boolean conversion of traced array with shape bool[]",
)
"""What exceptions say of what an older or newer release has."""


_OF_CATALOGUE = ("rule", "draw", "effect", "option", "program")
"""The kinds of functions that may use what a release lacks."""


@functools.cache
def refusal(subject: Subject) -> Exception | None:
    """What a subject of the catalogue raises when it is called by itself."""
    if not isinstance(subject, FunctionSubject) or subject.kind not in _OF_CATALOGUE:
        return None
    try:
        example = some_call(subject).example()
        jax.eval_shape(subject.function, *example)
        if jax.default_backend() != "cpu":
            # Some primitives have no lowering but the CPU's.
            jax.jit(subject.function).lower(*example)
    except Exception as refused:
        return refused
    return None


def _may_lack(subject: Subject, refused: Exception) -> bool:
    """Whether what a subject raises says what is missing, and nothing is known that it should have.

    On other platforms than the CPU it is not known which release has what.
    """
    if _says_so_itself(subject, refused):
        return True
    known = lacking.is_known(subject.name) or lacking.is_newer() or _is_of_dtypes(refused)
    return _says_what_is_missing(refused) and (known or jax.default_backend() != "cpu")


def _says_so_itself(subject: Subject, refused: Exception) -> bool:
    """Whether the function has the error in its own text, as for want of a second device."""
    source = subject.source if isinstance(subject, FunctionSubject) else None
    return isinstance(refused, NotImplementedError) and f'"{refused}"' in (source or "")


def _is_of_dtypes(refused: Exception) -> bool:
    """Whether a dtype is missing, which depends on what is installed beside JAX."""
    return any(each in str(refused) for each in _MISSING_DTYPES)


def _says_what_is_missing(refused: Exception) -> bool:
    """Whether a name, a parameter, a rule or a dtype is missing."""
    return isinstance(refused, _OF_MISSING) or any(each in str(refused) for each in _MISSING)


def single_argument(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why a law about arguments that are not mapped has nothing to say of the subject."""
    if len(subject.arguments) > 1:
        return None
    return f"{subject.name} takes one argument, and a map needs one that is mapped"


def takes_specs(transform: Transform, subject: Subject) -> str | None:
    """Why a law about how axes are written has nothing to say of the transform."""
    if transform.name != "jax.shard_map":
        return None
    return "shard_map takes specs, not axes: how those are written is this suite's translation"
