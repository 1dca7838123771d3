"""What compiling and running cost, as multiples of a fixed piece of work in the same process."""

import contextlib
import statistics
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import cases
from conformance.observations.record import Observation, one
from conformance.observations.selection import EVERYTHING, Selection
from conformance.transforms.linen.modules import ORIGINS
from properties import oracle
from properties.call import FunctionCall, ModuleCall, variables_like
from properties.transform import Transform

_FUNCTIONS = ("matmul", "softmax", "tanh-mlp")
_MODULES = ("dense", "gru-cell")

_ROUNDS = 5
# Neither JAX's nor Python's nor NumPy's work: what they cost is what is measured.
_WORK = np.random.RandomState(0).bytes(1 << 18)


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`costs/trace|compile|run|eager/CASE`: {ratio, least, most}, the median and extremes over rounds."""
    calls = [
        call
        for call in (cases.functions(selection) if selection.has_transform("jax.vmap") else ())
        if call.subject_name in _FUNCTIONS or call.subject_name in ORIGINS
    ]
    lifts = [
        case
        for case in cases.modules(selection)
        if (case[2].subject_name in _MODULES or case[2].subject_name in ORIGINS)
        and _shared(case[2])
    ]
    programs = {f"jax.vmap/{call.subject_name}": partial(_mapped, call) for call in calls}
    programs |= {
        key.removesuffix("/shared"): partial(_lifted, transform, call)
        for key, transform, call in lifts
    }
    for name, program in programs.items():
        yield from one(f"costs/trace/{name}", partial(_trace, program))
        yield from one(f"costs/compile/{name}", partial(_compile, program))
        yield from one(f"costs/run/{name}", partial(_run, program))
    for call in calls:
        yield from one(f"costs/eager/jax.vmap/{call.subject_name}", partial(_eager, call))


def _shared(call: ModuleCall) -> bool:
    return call.variable_axes.get("params") is None


Program = Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]]


def _mapped(call: FunctionCall) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    # Functions of their own each time, of which JAX has traced nothing yet.
    def function(*arguments: Any) -> Any:
        return call.subject.function(*arguments)

    mapped = jax.vmap(function)

    def program(*arguments: Any) -> Any:
        return mapped(*arguments)

    return program, call.arguments(call.axes[0])


def _lifted(transform: Transform, call: ModuleCall) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    apply, inputs = transform.lift(call).apply, call.inputs(call.axes[0])
    variables = variables_like(oracle.variable_shapes(call), call.seed)
    return (lambda v, *a: apply(v, call.rngs(), *a)), (variables, *inputs)


def _trace(program: Program) -> dict[str, float]:
    def ready() -> Callable[[], Any]:
        function, arguments = program()
        return lambda: jax.jit(function).lower(*arguments)

    return _ratios(ready)


def _compile(program: Program) -> dict[str, float]:
    def ready() -> Callable[[], Any]:
        function, arguments = program()
        # A name that nobody has used: nothing compiled is found under it, on disk or in memory.
        function.__name__ = f"program_{uuid.uuid4().hex}"
        return jax.jit(function).lower(*arguments).compile

    with _nothing_kept():
        return _ratios(ready)


@contextlib.contextmanager
def _nothing_kept() -> Iterator[None]:
    """Write nothing to the persistent compilation cache."""
    name = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, name)
    jax.config.update(name, float("inf"))
    try:
        yield
    finally:
        jax.config.update(name, before)


def _run(program: Program) -> dict[str, float]:
    function, arguments = program()
    on_device = jax.tree_util.tree_map(jnp.asarray, arguments)
    return _repeatedly(jax.jit(function), on_device, times=200)


def _eager(call: FunctionCall) -> dict[str, float]:
    return _repeatedly(jax.vmap(call.subject.function), call.arguments(call.axes[0]), times=20)


def _repeatedly(function: Callable[..., Any], arguments: Any, times: int) -> dict[str, float]:
    """`times` calls in a round, since one is some microseconds."""

    def several() -> None:
        for _ in range(times):
            result = function(*arguments)
        jax.block_until_ready(result)

    several()
    return _ratios(lambda: several)


def _ratios(ready: Callable[[], Callable[[], Any]]) -> dict[str, float]:
    """The median, least and greatest ratio of a round's time to that of a fixed piece of work.

    The work is done right before and right after each round: what else the machine does at that time
    slows both.
    """
    ratios = []
    for _ in range(_ROUNDS):
        timed = ready()
        before, taken, after = _seconds(_work), _seconds(timed), _seconds(_work)
        ratios.append(float(f"{2 * taken / (before + after):.4g}"))
    return {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def _work() -> None:
    zlib.compress(_WORK, 6)


def _seconds(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
