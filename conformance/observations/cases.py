"""The fixed list of calls that are observed. Literals: no plan and no profile changes them.

Changing a literal changes what is compared; raise `VERSION` in `conformance.observations` then.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.observations.selection import EVERYTHING, Selection
from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall, ModuleCall
from properties.subject import FunctionSubject, ModuleSubject, Subject, UseSubject, dims
from properties.subjects import SUBJECTS
from properties.transform import Transform
from properties.values import draw

_SIZES = {"batch": 3, "m": 4, "n": 5, "k": 6, "length": 7, "width": 8, "vocabulary": 9}
LIFTED = ("flax.linen.vmap",)
"""Lifted transforms that are observed."""
SEED = 20240701
"""Of the values."""
KEY = 42
"""Of the PRNG keys."""


def sizes(subject: Subject) -> dict[str, int]:
    """A size for every dimension, no two alike; those of a user's own names count on from 10."""
    others = [name for name in dims(subject) if name not in _SIZES]
    known = {name: _SIZES[name] for name in dims(subject) if name in _SIZES}
    return {
        "batch": _SIZES["batch"],
        **known,
        **{name: 10 + i for i, name in enumerate(others)},
    }


def functions(selection: Selection = EVERYTHING) -> Iterator[FunctionCall]:
    """One call per function subject outside the catalogue of rules, batch axes in front."""
    for subject in _chosen(selection):
        if isinstance(subject, FunctionSubject) and subject.kind == "function":
            axes = Axes((0,) * len(subject.arguments))
            yield FunctionCall(subject.name, sizes(subject), (axes,), subject.dtypes[0], SEED)


def modules(selection: Selection = EVERYTHING) -> Iterator[tuple[str, Transform, ModuleCall]]:
    """Two calls per module subject and transform of modules, with the key that they go under."""
    for transform in (TRANSFORMS[name] for name in LIFTED if selection.has_transform(name)):
        for subject in _chosen(selection):
            if isinstance(subject, ModuleSubject) and not isinstance(subject, UseSubject):
                call = _module(subject)
                for variant, chosen in (("shared", call.sharing()), ("ensemble", call.ensemble())):
                    yield f"{transform.name}/{subject.name}/{variant}", transform, chosen


def _chosen(selection: Selection) -> list[Subject]:
    return [s for s in SUBJECTS.values() if selection.has_subject(s.name)]


def _module(subject: ModuleSubject) -> ModuleCall:
    return ModuleCall(
        subject.name,
        sizes(subject),
        (Axes((0,) * len(subject.inputs)),),
        {name: None if name == "params" else 0 for name in subject.collections},
        {name: name != "params" for name in subject.streams},
        key=KEY,
        seed=SEED,
    )


def array(*shape: int) -> np.ndarray[Any, Any]:
    """Fixed float32 values of a shape."""
    return draw(SEED, shape, "float32")
