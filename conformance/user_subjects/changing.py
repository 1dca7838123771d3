"""Whether a user's function gives another result each time: then no law holds of it, and that is why."""

from collections.abc import Iterator

import jax
import numpy as np

from conformance.user_subjects import subjects
from conformance.user_subjects.loading import no_exit
from properties.sizes import some_call
from properties.subject import FunctionSubject, Subject
from properties.trees import raw


def changing(subject: Subject) -> Iterator[str]:
    """A sentence about a function that two calls with the same arguments show to keep a state; or nothing."""
    if not isinstance(subject, FunctionSubject) or subject.kind != "function":
        return
    try:
        with no_exit(), subjects.registered(subject):
            example = some_call(subject).example()
            first, second = (
                jax.tree_util.tree_map(np.asarray, raw(subject.function(*example)))
                for _ in range(2)
            )
    except jax.errors.UnexpectedTracerError:
        yield (
            f"{subject.name} keeps an array of a call in which JAX traced it, and computes with it in a "
            "later call: a list, an attribute or a global that it writes to. Return that array, or give "
            "it as an argument."
        )
        return
    except Exception:
        # What it raises, the violations show.
        return
    pairs = zip(*map(jax.tree_util.tree_leaves, (first, second)), strict=True)
    if not all(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs):
        yield (
            f"{subject.name} gives another result when it is called again with the same arguments: it "
            "keeps a state, or draws numbers, in Python, which a map runs once for all examples. Give "
            "it the state or a key as an argument."
        )
