"""What became of a removed name: by what the release says, then by what is known."""

import pytest

from conformance.upgrade.name_changes import (
    advice,
    change_of,
    keyword_change,
    needed,
    replacement,
)


@pytest.mark.parametrize(
    ("name", "said", "sentence", "instead"),
    [
        (
            "jax.numpy.fix",
            (
                "jax.numpy.fix was deprecated in JAX v0.9.0, and will be removed in JAX v0.10.0. "
                "Use jax.numpy.trunc instead."
            ),
            "gone since jax 0.10.0 (2026-04-16)",
            "jax.numpy.trunc",
        ),
        (
            "jax.core.subjaxprs",
            (
                "jax.core.subjaxprs was deprecated in JAX v0.8.2 and removed in JAX v0.10.0. Use "
                "jax.extend.core.subjaxprs."
            ),
            "gone since jax 0.10.0 (2026-04-16)",
            "jax.extend.core.subjaxprs",
        ),
        (
            "jax.nn.unknown_one",
            "jax.nn.unknown_one was removed in JAX v9.9.9; use `jax.nn.other` instead.",
            "gone since jax 9.9.9",
            "jax.nn.other",
        ),
        (
            "jax.tree_map",
            "module 'jax' has no attribute 'tree_map'",
            "gone since jax 0.6.0 (2025-04-16)",
            "jax.tree.map",
        ),
        *(
            # What newer releases say of it no more.
            (name, f"no attribute {name}", "gone since jax 0.10.0 (2026-04-16)", instead)
            for name, instead in (
                ("jax.numpy.fix", "jax.numpy.trunc"),
                ("jax.core.get_aval", "jax.typeof"),
                ("jax.lax.pvary", "jax.lax.pcast(..., to='varying')"),
            )
        ),
        *(
            # Of these the module says no more than that it has none.
            (name, f"no attribute {name}", sentence, instead)
            for name, sentence, instead in (
                (
                    "jax.experimental.pallas.tpu.repeat",
                    "gone since jax 0.10.2 (2026-06-17)",
                    "jax.numpy.tile, with 1 along the other axes",
                ),
                (
                    "jax.interpreters.xla.abstractify",
                    "gone since jax 0.7.0 (2025-07-22)",
                    "jax.typeof",
                ),
                ("jax.interpreters.xla.other", "gone", None),
                ("jax.experimental.pallas.other", "gone", None),
            )
        ),
        ("flax.nnx.gone", "module 'flax.nnx' has no attribute 'gone'", "gone", None),
    ],
)
def test_a_removed_name(name: str, said: str, sentence: str, instead: str | None) -> None:
    change = change_of(name, said)
    assert (change.sentence, change.instead) == (sentence, instead)


@pytest.mark.parametrize(
    ("message", "use"),
    [
        ("f is deprecated; use g instead.", "g"),
        ("The arg b will be deprecated soon. Use k and v instead. See https://x", "k and v"),
        ("f is deprecated", None),
    ],
)
def test_the_advice_of_a_deprecation(message: str, use: str | None) -> None:
    assert advice("jax.f", message) == use


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("jax.experimental.shard_map.shard_map", "check_vma= for check_rep="),
        ("jax.experimental.pjit.pjit", "jax.set_mesh(mesh)"),
        ("jax.interpreters.pxla.thread_resources.env.physical_mesh", "jax.set_mesh(mesh)"),
    ],
)
def test_what_else_to_change_with_a_name_that_warns_is_said(name: str, also: str) -> None:
    for use in (advice(name, "f is deprecated; use jax.jit instead."), replacement(name)):
        assert use is not None
        assert also in use


@pytest.mark.parametrize("name", ["jax.experimental.pjit.other", "jax.interpreters.pxla.other"])
def test_of_other_names_of_a_module_the_warning_is_what_is_known(name: str) -> None:
    assert advice(name, "f is deprecated; use g instead.") == "g"


def test_what_to_write_for_an_argument_that_is_asked_for_now() -> None:
    assert "nnx.ModelAndOptimizer" in (needed("flax.nnx.Optimizer", ["wrt"]) or "")
    assert needed("flax.nnx.Optimizer", ["other"]) is None


def test_a_replacement_is_known_by_name_or_by_its_module() -> None:
    assert replacement("jax.experimental.host_callback.id_tap") == (
        "jax.pure_callback, jax.experimental.io_callback"
    )
    assert replacement("jax.core.Jaxpr") == "jax.extend.core.Jaxpr"
    assert replacement("jax.lib.xla_bridge.backends") == "jax.extend.backend"
    assert replacement("jax.numpy.trapz") == "jax.numpy.trapezoid"
    assert replacement("jax.experimental.pjit.pjit_p") == "jax.extend.core.primitives.jit_p"
    assert replacement("jaxlib.xla_extension.ArrayImpl") == "jax.Array"
    assert replacement("jax.core.jaxpr_as_fun") == "jax.extend.core.jaxpr_as_fun"
    assert replacement("jax.config.config") == "jax.config"
    assert replacement("jax.extend.ffi.ffi_call") == "jax.ffi"
    assert replacement("flax.experimental.nnx.Linear") == "flax.nnx"
    assert replacement("flax.nnx.nnx.graph.State") == (
        "flax.nnx, which has all public names of that package"
    )
    assert replacement("jax.util.cache") == "functools.lru_cache"
    assert replacement("jax.util.toposort") is None
    assert replacement("jax.core.no_such_name") is None
    assert replacement("jax.config.no_such_option") is None


@pytest.mark.parametrize(
    ("name", "keywords", "said"),
    [
        (
            "jax.numpy.clip",
            ["a_min"],
            "takes no a_min= since jax 0.10.0 (2026-04-16): use min=",
        ),
        (
            "jax.numpy.clip",
            ["a_min", "a_max"],
            "takes no a_min=, a_max= since jax 0.10.0 (2026-04-16): use min=, max=",
        ),
        ("jax.numpy.reshape", ["newshape"], "takes no newshape= any more: use shape="),
        ("jax.numpy.clip", ["b"], None),
        ("jax.numpy.clip", ["a_min", "b"], None),
    ],
)
def test_known_keywords_have_their_release_and_replacement(
    name: str, keywords: list[str], said: str | None
) -> None:
    assert keyword_change(name, keywords) == said
