"""Maps of users and of other libraries under the laws."""

import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import pytest

from conformance import own
from conformance.events.details import NotApplicable
from conformance.runner import items
from conformance.runner.run_item import run_item
from conformance.testing import assert_conforms
from conformance.transforms import TRANSFORMS
from conformance.transforms.third_party import SHIPPED
from properties.profile import PROFILES
from properties.transform import Transform

LAWS = ["mapping.equals-per-example", "mapping.preserves-structure", "axes.in-axes-permute"]


@pytest.fixture(autouse=True)
def _restored() -> Any:
    before = dict(TRANSFORMS)
    yield
    TRANSFORMS.clear()
    TRANSFORMS.update(before)


def _unrolled(function: Callable[..., Any], in_axes: Any, out_axes: int, **_: Any) -> Any:
    """A map as a user might write it: a loop over the examples."""

    def mapped(*arguments: Any) -> Any:
        size = next(a.shape[i] for a, i in zip(arguments, in_axes, strict=True) if i is not None)

        def one(n: int) -> Any:
            return function(
                *(
                    a if i is None else jnp.take(a, n, axis=i)
                    for a, i in zip(arguments, in_axes, strict=True)
                )
            )

        rows = [one(n) for n in range(size)]
        return jax.tree_util.tree_map(lambda *r: jnp.stack(r, out_axes), *rows)

    return mapped


def _off_by_one(function: Callable[..., Any], in_axes: Any, out_axes: int, **_: Any) -> Any:
    mapped = jax.vmap(function, in_axes, out_axes)
    return lambda *arguments: jax.tree_util.tree_map(
        lambda leaf: jnp.roll(leaf, 1, out_axes), mapped(*arguments)
    )


def test_a_users_map_is_held_to_the_laws() -> None:
    assert_conforms(jnp.dot, [("n",), ("n",)], [own.transform("unrolled", _unrolled)], laws=LAWS)


class _Mapped:
    """What a library's map may give: an object that cannot be hashed and refuses keywords by itself."""

    __hash__ = None  # type: ignore[assignment] # as of a dataclass

    def __init__(self, mapped: Callable[..., Any]) -> None:
        self.mapped = mapped

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if named:
            raise RuntimeError("keyword arguments cannot be used")
        return self.mapped(*arguments)


def _library_map(function: Callable[..., Any], in_axes: Any, out_axes: int, **given: Any) -> Any:
    return _Mapped(jax.vmap(function, in_axes, out_axes, **given))


def _ignores_keywords(function: Callable[..., Any], in_axes: Any, out_axes: int, **_: Any) -> Any:
    mapped = jax.vmap(function, in_axes, out_axes)
    return lambda *arguments, **named: mapped(
        *arguments, **{name: jnp.zeros_like(a) for name, a in named.items()}
    )


def test_a_map_that_gives_an_unhashable_object_and_refuses_keywords_conforms() -> None:
    laws = ["mapping.jit-agrees", "errors.keywords"]
    library = own.transform("of-a-library", _library_map)
    assert_conforms(jnp.dot, [("n",), ("n",)], [library], laws=laws)
    ignoring = own.transform("ignoring", _ignores_keywords)
    with pytest.raises(AssertionError, match=r"breaks errors.keywords under ignoring"):
        assert_conforms(jnp.dot, [("n",), ("n",)], [ignoring], laws=laws[1:])


def test_the_restrictions_of_a_known_librarys_map_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = types.ModuleType("equinox")
    library.filter_vmap = _library_map  # type: ignore[attr-defined] # a stand-in
    monkeypatch.setitem(sys.modules, "equinox", library)
    known = own.transform("known", _library_map, restrictions={"errors.of-mine": "a reason"})
    assert set(known.restrictions) == {"errors.keywords", "errors.nothing-mapped", "errors.of-mine"}
    assert own.transform("unknown", _unrolled).restrictions == {}


def test_a_map_made_again_takes_the_place_of_the_former_one() -> None:
    for vmap_like in (_unrolled, _off_by_one):
        mapped = own.transform("made-again", vmap_like)
        if vmap_like is _unrolled:
            assert_conforms(jnp.dot, [("n",), ("n",)], [mapped], laws=LAWS[:1])
        else:
            with pytest.raises(AssertionError, match="under made-again"):
                assert_conforms(jnp.dot, [("n",), ("n",)], [mapped], laws=LAWS[:1])
    with pytest.raises(own.SubjectsError, match="there is a transform"):
        own.transform("jax.vmap", _unrolled)


def test_a_wrong_map_of_a_users_is_noticed() -> None:
    wrong = own.transform("off-by-one", _off_by_one)
    with pytest.raises(AssertionError, match=r"breaks mapping.equals-per-example under off-by-one"):
        assert_conforms(jnp.dot, [("n",), ("n",)], [wrong], laws=LAWS[:1])


def test_a_map_of_a_users_is_checked_only_where_it_is_asked_for() -> None:
    wrong = own.transform("asked-for", _off_by_one)
    with pytest.raises(AssertionError):
        assert_conforms(jnp.dot, [("n",), ("n",)], [wrong], laws=LAWS[:1])
    assert_conforms(jnp.dot, [("n",), ("n",)], laws=LAWS[:1])


def test_what_is_restricted_is_not_checked_and_needs_a_reason() -> None:
    restricted = own.transform(
        "restricted", _off_by_one, restrictions={LAWS[0]: "it rolls its results"}
    )
    with pytest.raises(AssertionError, match="it rolls its results"):
        assert_conforms(jnp.dot, [("n",), ("n",)], [restricted], laws=LAWS[:1])
    with pytest.raises(own.SubjectsError, match="gives no reason"):
        own.transform("unreasoned", _off_by_one, restrictions={LAWS[0]: ""})


ERRORS = [
    *("errors.axis-out-of-range", "errors.out-axes-none", "errors.nothing-mapped"),
    *("errors.axis-size", "errors.sizes-disagree", "errors.keywords"),
]


def _in_own_words(function: Callable[..., Any], in_axes: Any, out_axes: Any, **given: Any) -> Any:
    """A map that checks its calls by itself, in classes and words that are not JAX's."""
    mapped = jax.vmap(function, in_axes, out_axes, **given)

    def refusing(*arguments: Any) -> Any:
        try:
            return mapped(*arguments)
        except (TypeError, ValueError) as error:
            raise LookupError("this cannot be mapped") from error

    return refusing


def test_a_users_map_may_refuse_in_classes_and_words_of_its_own() -> None:
    named = own.transform("in-own-words", _in_own_words)
    assert_conforms(jnp.dot, [("n",), ("n",)], [named], laws=ERRORS)
    for law in ERRORS[:5]:
        with pytest.raises(AssertionError, match="it raised LookupError"):
            assert_conforms(jnp.dot, [("n",), ("n",)], [_as_jax(named)], laws=[law])


def _as_jax(transform: Transform) -> Transform:
    """The transform, held to the classes and words of exceptions that `jax.vmap` raises."""
    return attrs.evolve(transform, raises_as_documented=True)


def _without_a_size(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Any:
    return jax.vmap(function, in_axes, out_axes)


def test_a_users_map_whose_signature_has_no_axis_size_is_given_none() -> None:
    laws = ["mapping.axis-size", "mapping.broadcasts-unmapped", "errors.axis-size"]
    without = own.transform("without-a-size", _without_a_size)
    assert_conforms(jnp.dot, [("n",), ("n",)], [without], laws=laws)
    said = own.transform("said-to-take-it", _without_a_size, takes_axis_size=True)
    with pytest.raises(AssertionError, match="unexpected keyword argument 'axis_size'"):
        assert_conforms(jnp.dot, [("n",), ("n",)], [said], laws=laws)


def _takes_the_first(
    function: Callable[..., Any], in_axes: Any, out_axes: Any, **given: Any
) -> Any:
    """A map that gives the first example's result where `out_axes` says that all are the same."""
    if out_axes is not None:
        return jax.vmap(function, in_axes, out_axes, **given)
    mapped = jax.vmap(function, in_axes, 0, **given)
    return lambda *arguments: jax.tree_util.tree_map(lambda leaf: leaf[0], mapped(*arguments))


def test_a_users_map_that_accepts_what_means_nothing_is_noticed() -> None:
    wrong = own.transform("takes-the-first", _takes_the_first)
    with pytest.raises(AssertionError, match=r"breaks errors.out-axes-none under takes-the-first"):
        assert_conforms(jnp.dot, [("n",), ("n",)], [wrong], laws=ERRORS)


@pytest.mark.parametrize("library", ["equinox", "haiku"])
def test_a_map_whose_library_is_missing_is_not_applicable_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else found(name)
    )
    (transform,) = (each for each in SHIPPED if each.name.startswith(library))
    law = "mapping.equals-per-example"
    assert transform.name not in {item.transform.name for item in items.select([law])}
    (item,) = items.select([law], [transform.name], ["square"])
    result = run_item(item, PROFILES["quick"])
    assert result.outcome == "not-applicable"
    assert isinstance(result.detail, NotApplicable)
    assert result.detail.reason == f"{library} is not installed"
    # A test of the user's names it, and fails.
    with pytest.raises(AssertionError, match=f"cannot be checked: {library} is not installed"):
        assert_conforms(jnp.sin, [("n",)], [transform.name], laws=[law])


@pytest.mark.parametrize("name", ["equinox.filter_vmap", "haiku.vmap"])
def test_the_maps_of_other_libraries_conform(name: str) -> None:
    pytest.importorskip(name.split(".", maxsplit=1)[0])
    assert_conforms(lambda m, v: jnp.tanh(m @ v), [("m", "n"), ("n",)], [name], laws=LAWS)
