"""Names that went with the class or the module that held them."""

from typing import Any

from conformance.events.user_code import Use
from tests.conformance.upgrade.user_sides import found, side


def test_what_a_removed_class_held_is_told_with_it_unless_it_has_a_replacement_of_its_own() -> None:
    bridge = "jax.lib.xla_bridge"
    uses = (
        Use(file="a.py", line=1, name="jax.core.Primitive"),
        Use(file="a.py", line=2, name="jax.core.Primitive.bind"),
        Use(file="b.py", line=3, name="jax.core.Primitive.bind"),
        Use(file="a.py", line=4, name=bridge),
        Use(file="a.py", line=5, name=f"{bridge}.get_backend"),
        Use(file="a.py", line=6, name=f"{bridge}.bundle"),
        Use(file="a.py", line=7, name=f"{bridge}.device_count"),
    )
    there: dict[str, Any] = {f"names/{use.name}": True for use in uses}
    gone: dict[str, Any] = {key: {"absent": "", "name": key[6:]} for key in there}
    mine = found(side({}, there, uses=uses), side({}, gone))
    assert [(line.where, line.what) for line in mine.work] == [
        ("a.py:1, 2", "jax.core.Primitive"),
        # That of `get_backend` has the same name in the module that took the place of this one.
        ("a.py:4, 5, 6", bridge),
        ("a.py:7", f"{bridge}.device_count"),
        ("b.py:3", "jax.core.Primitive.bind"),
    ]
    assert mine.keys == there.keys()


def test_what_a_module_in_neither_release_held_is_told_with_it() -> None:
    maps = "jax.experimental.maps"
    uses = tuple(
        Use(file="a.py", line=n, name=f"{maps}{held}")
        for n, held in enumerate(("", ".Mesh", ".mesh.current"), 1)
    )
    nowhere: dict[str, Any] = {f"names/{use.name}": {"absent": "", "name": ""} for use in uses}
    (line,) = found(side({}, nowhere, uses=uses), side({}, nowhere)).know
    assert (line.where, line.what) == ("a.py:1, 2, 3", maps)


def test_code_provides_for_no_name_of_a_removed_module_that_it_imports_anyway() -> None:
    client = "jax.lib.xla_client"
    uses = (
        Use(file="a.py", line=1, name=client),
        Use(file="a.py", line=2, name=f"{client}.Device", guarded=True),
        Use(file="b.py", line=3, name=client, guarded=True),
        Use(file="b.py", line=4, name=f"{client}.Device", guarded=True),
    )
    there: dict[str, Any] = {f"names/{use.name}": True for use in uses}
    gone: dict[str, Any] = {key: {"absent": "", "name": key[6:]} for key in there}
    mine = found(side({}, there, uses=uses), side({}, gone))
    assert [line.where for line in mine.work] == ["a.py:1"]
    assert [(line.where, line.sentence) for line in mine.know] == [
        ("b.py:3, 4", "gone; your code provides for it")
    ]


def test_removed_names_that_are_in_one_other_module_now_are_one_thing_to_do() -> None:
    names = ("ClosedJaxpr", "Jaxpr", "full_lower")
    uses = tuple(
        Use(file="a.py", line=n, name=f"jax.core.{name}") for n, name in enumerate(names, 1)
    )
    there: dict[str, Any] = {f"names/{use.name}": True for use in uses}
    gone: dict[str, Any] = {key: {"absent": "", "name": key[6:]} for key in there}
    mine = found(side({}, there, uses=uses), side({}, gone))
    since = "gone since jax 0.6.0 (2025-04-16)"
    assert [(line.where, line.what, line.sentence) for line in mine.work] == [
        (
            "a.py:1, 2",
            "jax.core.ClosedJaxpr, Jaxpr",
            f"{since}: use jax.extend.core, under the same names",
        ),
        ("a.py:3", "jax.core.full_lower", since),
    ]
