"""The surface of objects, every layer and every function, as they are observed."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.observations import every_layer, layers, object_makers, objects, public_functions
from conformance.observations.record import Absent
from conformance.observations.started import fixed_stream

MAKERS = object_makers.makers()


def test_an_objects_attributes_methods_and_operations_are_told() -> None:
    facts = objects.walked(MAKERS["PartitionSpec"])
    assert facts["hash"] == "True"
    assert facts["len"] == "2"
    assert facts["is a jax.sharding.PartitionSpec"] == "True"
    assert facts["+ 1"].startswith("!")
    assert facts["== another like it"] == "True"


def test_a_method_says_what_it_needs() -> None:
    facts = objects.walked(MAKERS["Optimizer"])
    assert facts[".update("].startswith("needs ")
    assert "model" in facts[".update("]


class _Old:
    @property
    def value(self) -> int:
        warnings.warn("use the new one", DeprecationWarning, stacklevel=2)
        return 1

    def moved(self) -> int:
        return self.value

    @property
    def noisy(self) -> int:
        warnings.warn("slow", UserWarning, stacklevel=2)
        return 1


def test_a_deprecation_of_an_attribute_is_told_and_no_other_warning() -> None:
    facts = objects.walked(_Old)
    warned = {what for what in facts if what.endswith(objects.WARNS)}
    assert warned == {".value warns", ".moved() warns"}
    assert facts[".value warns"] == "use the new one"


@pytest.mark.parametrize("name", ["Mesh", "Param", "Compiled", "Pullback", "Key"])
def test_an_object_is_walked_alike_twice(name: str) -> None:
    assert objects.walked(MAKERS[name]) == objects.walked(MAKERS[name])


def test_every_object_can_be_made_or_is_lacking() -> None:
    failed = []
    for name, make in MAKERS.items():
        try:
            make()
        except Absent:
            continue
        except Exception as error:
            failed.append((name, repr(error)))
    assert failed == []


def test_the_layers_that_no_list_names_are_observed() -> None:
    found = list(every_layer.names("flax.nnx", layers._nnx()))
    assert {"Embed", "LSTMCell", "GRUCell"} <= set(found)
    assert not {"Linear", "Sequential", "Rngs"} & set(found)
    with fixed_stream():
        facts = every_layer.of_nnx("Embed")
    assert {"tree", "embedding", "applied/output"} <= facts.keys()


FORMS = public_functions.forms()


def test_a_function_is_called_with_arrays_and_numbers() -> None:
    call = FORMS["plain-each-numpy.hypot-vectors"]
    (given,) = call()
    x = np.array([0.25, 0.5, 0.75], np.float32)
    assert given == pytest.approx(np.hypot(x, x + 1))
    with pytest.raises(TypeError):
        FORMS["plain-each-numpy.hypot-vector"]()


def test_initial_values_and_draws_are_made_of_a_fixed_seed() -> None:
    for name in ("nn.initializers.he_normal", "nn.initializers.zeros", "random.laplace"):
        first, second = (FORMS[f"plain-each-{name}-seeded"]() for _ in range(2))
        assert jnp.array_equal(first, second)


def test_every_function_has_a_call_that_is_accepted() -> None:
    """Of `jax.numpy` alone, which has most: what has none is known by name."""
    lacking = []
    for name in (n for n in public_functions.names() if n.rpartition(".")[0] == "jax.numpy"):
        short = name.removeprefix("jax.")
        calls = [call for key, call in FORMS.items() if key.startswith(f"plain-each-{short}-")]
        if not any(map(_is_accepted, calls)):
            lacking.append(name.rpartition(".")[2])
    assert set(lacking) <= NOT_CALLED


def _is_accepted(call: Callable[[], Any]) -> bool:
    for use in (jax.eval_shape, lambda call: call()):  # what depends on values is not traced
        with contextlib.suppress(Exception):
            use(call)
            return True
    return False


NOT_CALLED = {
    *("astype", "fromiter", "identity", "mask_indices"),  # a dtype, an iterator, a function
    *("reshape", "permute_dims", "rollaxis", "moveaxis", "swapaxes"),  # axes
    *(
        "choose",
        "put",
        "place",
        "put_along_axis",
        "take_along_axis",
        "ravel_multi_index",
    ),  # indices
    *("dsplit", "einsum", "einsum_path", "fill_diagonal", "insert", "polyfit", "unpackbits"),
}
"""What needs other arguments than arrays of floats, one or two, and numbers."""


class _LastAgain:
    """As an array of JAX's within an object: an index that is too large gives the last item."""

    def __getitem__(self, place: int) -> float:
        return [3.0, 2.0][min(place, 1)]


class _ToAnEnd(_LastAgain):
    def __getitem__(self, place: int) -> float:
        return [3.0, 1.0][place] if self else 0.0


def test_a_class_that_never_ends_is_not_asked_forever() -> None:
    assert objects.walked(_LastAgain)["in"] == "'never ends'"
    assert objects.walked(_ToAnEnd)["in"] == "True"
    assert objects.walked(lambda: [2.0])["in"] == "False"
