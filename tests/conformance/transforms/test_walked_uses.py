"""Slips in what Flax's own tests are about are noticed by the uses of its lifts; Flax as it is is not."""

import pytest

from tests.conformance.transforms.slips import LINEN, Slip, is_noticed

SLIPS: dict[str, Slip] = {
    "a variable that a module holds is one of the module itself": (
        LINEN,
        "passed-along",
        "flax.linen.transforms:set_module_scopes",
        "new_x = Variable(\n          scope=scopes[idx],",
        "new_x = Variable(\n          scope=scopes[-1],",
    ),
    "a method of a lift gives a variable": (
        LINEN,
        "refused-by-lifts",
        "flax.linen.transforms:_test_transformed_return_values",
        "isinstance(x, (Module, Variable))",
        "isinstance(x, Module)",
    ),
    "what is compiled is that of another module of the class": (
        LINEN,
        "compiled-once",
        "flax.linen.transforms:_fingerprint_recursive",
        "value = getattr(obj, field.name)\n          fingerprints",
        "value = field.name\n          fingerprints",
    ),
    "what is static by name is not": (
        LINEN,
        "compiled-once",
        "flax.core.lift:jit",
        "static_argnames=static_argnames,",
        "static_argnames=(),",
    ),
    "a bound method is called of the module outside": (
        LINEN,
        "branches-apart",
        "flax.linen.transforms:lift_direct_transform",
        "targets = tuple(_get_unbound_fn(target) for target in targets)",
        "targets = tuple(lambda _, *a, f=f: f(*a[-1:]) for f in targets)",
    ),
    "a branch too far is the first one": (
        LINEN,
        "branches-apart",
        "flax.core.lift:switch",
        "jax.lax.switch(index, pure_branches, *operands)",
        "jax.lax.switch(index % (len(branches) - 1), pure_branches, *operands)",
    ),
    "each turn of a loop has keys of its own": (
        LINEN,
        "loop-carries",
        "flax.core.lift:while_loop",
        "if rng_split:",
        "if True:",
    ),
    "all methods are lifted as the first one is": (
        LINEN,
        "scanned-methods",
        "flax.linen.transforms:module_class_lift_transform",
        "{k: ((), v) for k, v in methods.items()}",
        "{k: ((), next(iter(methods.values()))) for k in methods}",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_flax_is_noticed_and_its_control_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_noticed(SLIPS[name], 7, monkeypatch, anew=True)
