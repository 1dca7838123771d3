"""Whether a user's function or module gives another result each time: then no law holds of it."""

import flax.linen as nn
import jax
import numpy as np

from conformance.user_subjects import AGAIN, KEPT, subjects
from conformance.user_subjects.linen import LinenSubject
from conformance.user_subjects.loading import no_exit
from properties.call import ModuleCall
from properties.sizes import sizes, some_call
from properties.subject import FunctionSubject, Subject
from properties.trees import raw
from reference.types import PyTree


def changing(subject: Subject) -> str | None:
    """A sentence about what two calls with the same arguments show to keep a state in Python, if any."""
    if isinstance(subject, FunctionSubject) and subject.kind != "function":
        return None
    try:
        with no_exit(), subjects.registered(subject):
            first, second = (
                jax.tree_util.tree_map(np.asarray, raw(_called(subject))) for _ in range(2)
            )
    except jax.errors.UnexpectedTracerError:
        return (
            f"{subject.name} {KEPT}, and computes with it in a later call: a list, an attribute or a "
            "global that it writes to. Return that array, or give it as an argument."
        )
    except Exception:
        # What it raises, the violations show; of another kind of subject nothing is known.
        return None
    one, other = map(jax.tree_util.tree_leaves, (first, second))
    pairs = zip(one, other, strict=False)
    alike = all(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs)
    if len(one) == len(other) and alike:
        return None
    return (
        f"{subject.name} {AGAIN}: it keeps a state, or draws numbers, in Python, which a map runs once for "
        "all examples. Give it the state or a key as an argument."
    )


def _called(subject: Subject) -> PyTree:
    """What it gives of one example, the same each time: of a Linen module, from its init."""
    if isinstance(subject, FunctionSubject):
        return subject.function(*some_call(subject).example())
    assert isinstance(subject, LinenSubject)
    call = ModuleCall(subject.name, sizes(subject, "distinct", 0), (), {}, {})
    example, keys = call.example(), {name: jax.random.PRNGKey(0) for name in subject.streams}
    variables = nn.unbox(subject.make().init(keys, *example))
    updated = [name for name in subject.collections if name != "params"]
    return subject.make().apply(variables, *example, rngs=keys, mutable=updated)
