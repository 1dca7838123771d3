"""Gradients of maps whose arguments are sharded along the batch axis."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import jax

from properties.call import FunctionCall
from properties.compare import Expected, assert_agrees
from properties.law import attribute_to, law
from properties.laws.gradients import of_maps
from properties.laws.parallel import explicit
from properties.laws.parallel.sharding import mesh_for, one_device, sharded
from properties.recipe import Recipe
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import attempt


def _no_sharded_gradient(transform: Transform, subject: FunctionSubject) -> str | None:
    return one_device(transform, subject) or of_maps.no_gradient(transform, subject)


def _no_explicit_gradient(transform: Transform, subject: FunctionSubject) -> str | None:
    return explicit.unavailable(transform, subject) or of_maps.no_gradient(transform, subject)


@law(
    "parallel.sharded-gradients",
    tier="devices",
    cases=of_maps.float_calls("any", most=1),
    only_transform="jax.vmap",
    kinds=("function", "rule"),
    where=lambda subject: subject.own is None,
    skip_if=_no_sharded_gradient,
)
def sharded_gradients(transform: Transform, call: FunctionCall) -> None:
    """The map of a gradient and the gradient of a map give each example's gradient of sharded arrays."""
    placed = _placed(call, mesh_for(call.sizes["batch"]))
    for recipe, function, expected in _both(transform, call, *SHARDED):
        with attribute_to(call, recipe, expected=expected):
            assert_agrees(attempt(jax.jit(function), *placed), expected)


@law(
    "parallel.explicit-gradients",
    tier="devices",
    cases=of_maps.float_calls("any", most=1),
    only_transform="jax.vmap",
    kinds=("function", "rule"),
    where=explicit.is_joining,
    skip_if=_no_explicit_gradient,
)
def explicit_gradients(transform: Transform, call: FunctionCall) -> None:
    """The map of a gradient and the gradient of a map give each example's gradient on an Explicit mesh."""
    mesh = explicit.explicit_mesh_for(call.sizes["batch"])
    for recipe, function, expected in _both(transform, call, *EXPLICIT):
        with jax.set_mesh(mesh):
            got = attempt(jax.jit(function), *_placed(call, mesh))
        explicit.refuse_ways_out(got)
        with attribute_to(call, recipe, expected=expected):
            assert_agrees(got, expected)


def _both(
    transform: Transform, call: FunctionCall, inside: Recipe, outside: Recipe
) -> Iterator[tuple[Recipe, Callable[..., Any], Expected]]:
    """The gradient of the map, then the map of the gradient, each with what is expected of it."""
    of_map = of_maps.gradient_of_map(transform, call)
    yield outside, of_map, of_maps.expected_gradient_of_map(call)
    of_each = transform.map(of_maps.gradient_of(call), of_maps.leading_out(call.axes[0]))
    yield inside, of_each, of_maps.expected_gradients(call)


def _placed(call: FunctionCall, mesh: Any) -> list[Any]:
    (axes,) = call.axes
    pairs = zip(call.arguments(axes), axes.in_axes, strict=True)
    return [sharded(argument, axis, mesh) for argument, axis in pairs]


def _recipes(where: str, mesh_of: Callable[[int], Any], *, is_set: bool) -> tuple[Recipe, Recipe]:
    """The map of the gradient and the gradient of the map, jitted, of arrays that are sharded `where`."""
    helpers = "\n\n".join(inspect.getsource(each) for each in (mesh_of, sharded))

    def mesh(call: FunctionCall) -> str:
        return f"{helpers}\n\nmesh = {mesh_of.__name__}({call.sizes['batch']})"

    def result(call: FunctionCall, function: str) -> str:
        placed = f"[sharded(x, axis, mesh) for x, axis in zip(arguments, {call.axes[0].in_axes})]"
        code = f"got = jax.jit({function})(*{placed})"
        return f"with jax.set_mesh(mesh):\n    {code}" if is_set else code

    of_gradient = of_maps.MAP_OF_GRADIENT
    inside = attrs.evolve(
        of_gradient,
        name=f"jit of the map of the gradient, of {where}",
        setup_code=lambda call: f"{of_gradient.setup_code(call)}\n\n{mesh(call)}",
        result_code=lambda call: result(call, "mapped"),
    )
    outside = Recipe(
        f"jit of the gradient of the map, of {where}",
        setup_code=mesh,
        result_code=lambda call: (
            f"{of_maps.gradient_of_map_code(call)}\n{result(call, 'gradient')}"
        ),
    )
    return inside, outside


SHARDED = _recipes("sharded arrays", mesh_for, is_set=False)
EXPLICIT = _recipes("arrays sharded over an Explicit mesh", explicit.explicit_mesh_for, is_set=True)
