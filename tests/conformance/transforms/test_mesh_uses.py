"""Slips in how Flax lays members over the devices of an Explicit mesh, and a defect of it, mended."""

import pytest

from tests.conformance.transforms.slips import LINEN, NNX, Slip, is_mended, is_noticed, rewrite

ON_MESH = "on-explicit-mesh"
LIFT = "flax.core.lift:vmap"
MERGED = "flax.nnx.transforms.iteration:SimpleVmapFn.__call__"
SLIPS: dict[str, Slip] = {
    "an input that is not mapped has no axis to look at": (
        *(LINEN, ON_MESH, LIFT),
        *("            if i is not None\n", ""),
    ),
    "an input that is not mapped is left out of the axes": (
        *(LINEN, ON_MESH, "flax.core.lift:_broadcast_prefix_tree"),
        *("is_leaf=lambda x: x is None,", ""),
    ),
    "keys are not divided": (
        *(LINEN, ON_MESH, LIFT),
        *("if any_vmapped_axis_sharded:", "if False:"),
    ),
    "keys are always divided": (
        *(LINEN, ON_MESH, LIFT),
        *("if any_vmapped_axis_sharded:", "if True:"),
    ),
    "the carry's type does not say how it is divided": (
        *(LINEN, f"scanned-{ON_MESH}", "flax.core.axes_scan:build_shaped_array"),
        *("sharding=sharding,", ""),
    ),
    "a step's type is divided along another axis": (
        *(LINEN, f"scanned-{ON_MESH}", "flax.core.axes_scan:build_shaped_array"),
        *("*sharding.spec[1:]", "*sharding.spec[:-1]"),
    ),
    "state is given back whole": (
        *(NNX, ON_MESH, "flax.nnx.extract:apply_updates"),
        "variable.update_from_state(update)",
        (
            "variable.update_from_state(update); "
            "variable.set_raw_value(jax.sharding.reshard(variable.get_raw_value(), jax.P()))"
        ),
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_flax_is_noticed_and_its_control_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_noticed(SLIPS[name], 7, monkeypatch)


def _divide_as_the_variables(patch: pytest.MonkeyPatch) -> None:
    """Have `nn.vmap` divide keys as any of the variables or arguments is."""
    rewrite(
        patch,
        LIFT,
        """args_flat, _ = jax.tree.flatten(args)
        axes_flat = _broadcast_prefix_tree(in_axes, args)""",
        """args_flat, _ = jax.tree.flatten((variable_groups, args))
        axes_flat = _broadcast_prefix_tree((variable_in_axes, in_axes), (variable_groups, args))""",
    )


def test_divided_weights_beside_one_input_hold_where_flax_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_mended(f"{ON_MESH}-shared-input", _divide_as_the_variables, 7, monkeypatch, LINEN)
