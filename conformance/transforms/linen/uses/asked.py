"""What lifted modules answer that are asked, bound, watched and called by other methods, and refuse."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import errors

from conformance.transforms.linen.uses.base import FEATURES, Coder, Net, Setting, Use, roll
from conformance.transforms.wording import may_reword

Way = tuple[Callable[[], Any], type[Exception], str]
"""A call, the error that it must raise, and a word of its message."""


def refuses(way: Way) -> bool:
    """Whether the call raises this error, whose message has the word where it is known."""
    function, error, word = way
    try:
        function()
    except error as raised:
        return may_reword() or word in str(raised)
    except Exception:
        return False
    return False


class SameNames(nn.Module):
    """A module with two parameters of one name."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Raise."""
        return self.param("w", roll, (2,)) + self.param("w", roll, (2,)) + x


class Keeping(nn.Module):
    """A module that sets an attribute of its own where it is called."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Raise."""
        self.kept = x
        return x


class Scanning(nn.Module):
    """A module that scans others over inputs of these lengths."""

    lengths: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the sum of all that is scanned."""
        given = [jnp.zeros(n) for n in self.lengths]
        scan: Any = nn.scan(lambda _, carry, *xs: (carry, None), variable_axes={"params": 0})
        return scan(self, x, *given)


def _of_keys(s: Setting, lifted: Any, given: Any, x: Any) -> dict[str, Way]:
    """Keys that are none: a batch of keys, old ones, numbers, and names that are no texts."""
    keys, wrong = s.keys(s.key), errors.InvalidRngError
    raw = jax.random.key_data(keys)
    names: Any = {1: s.key}
    return {
        "keys": (lambda: lifted.init(keys, x), wrong, "RNGs should be"),
        "raw keys": (lambda: lifted.init(raw, x), wrong, "RNGs should be"),
        "keys of parameters": (lambda: lifted.init({"params": keys}, x), ValueError, "PRNGKey"),
        "keys of a call": (lambda: lifted.apply(given, x, rngs=keys), wrong, "RNGs should be"),
        "keys by name": (lambda: lifted.apply(given, x, rngs={"noise": keys}), ValueError, "rngs"),
        "floats": (lambda: lifted.init(jnp.zeros(2), x), wrong, "RNGs should be"),
        "a number": (lambda: lifted.init(3, x), wrong, "RNGs should be"),
        "names": (lambda: lifted.apply(given, x, rngs=names), ValueError, "rngs"),
        "keys compiled": (lambda: jax.jit(lifted.init)(keys, x), wrong, "RNGs should be"),
    }


def _of_calls(lifted: Any, given: Any, x: Any) -> dict[str, Way]:
    """Variables, filters and methods that are none."""
    params = given["params"]
    small, lacking = {**params, "w": params["w"][..., :1]}, {"b": params["b"]}
    cache = {"cache": given["cache"]}
    init, apply = lifted.init_with_output, lifted.apply
    key = jax.random.key(0)
    return {
        "within": (
            lambda: apply({"params": given}, x),
            errors.ApplyScopeInvalidVariablesStructureError,
            "params",
        ),
        "a number": (
            lambda: apply({"params": 3}, x),
            errors.ApplyScopeInvalidVariablesTypeError,
            "collections",
        ),
        "a shape": (lambda: apply({**cache, "params": small}, x), errors.ScopeParamShapeError, "w"),
        "lacking": (
            lambda: apply({**cache, "params": lacking}, x),
            errors.ScopeParamNotFoundError,
            '"w"',
        ),
        "written": (lambda: apply(given, x), errors.ModifyScopeVariableError, "total"),
        "a filter": (lambda: apply(given, x, mutable=3), errors.InvalidFilterError, "3"),
        "a method": (lambda: apply(given, x, method=3), errors.ApplyModuleInvalidMethodError, "3"),
        "a name": (lambda: apply(given, x, method="name"), TypeError, "name"),
        "a name at first": (lambda: init(key, x, method="name"), TypeError, "name"),
        "a method at first": (
            lambda: init(key, x, method=3),
            errors.ApplyModuleInvalidMethodError,
            "3",
        ),
        "unbound": (lambda: Net()(x), errors.CallCompactUnboundModuleError, "unbound"),
    }


def _unbound(lifted: Any, x: Any) -> dict[str, Way]:
    """What is asked of modules that have no variables yet."""
    zero = jnp.zeros(())
    asked: dict[str, Callable[[], Any]] = {
        "rng": partial(lifted.make_rng, "params"),
        "variables": lambda: lifted.variables,
        "read": partial(lifted.get_variable, "params", "w"),
        "put": partial(lifted.put_variable, "params", "w", zero),
        "has": partial(lifted.has_variable, "params", "w"),
        "sow": partial(lifted.sow, "log", "w", zero),
        "perturb": partial(lifted.perturb, "w", zero),
        "mutable": partial(lifted.is_mutable_collection, "params"),
        "initializing": lifted.is_initializing,
        "has rng": partial(lifted.has_rng, "params"),
        "path": lambda: lifted.path,
    }
    ways: dict[str, Way] = {name: (way, ValueError, "unbound") for name, way in asked.items()}
    ways["setup"] = (lambda: Coder().encode(x), AttributeError, "setup")
    ways["unbind"] = (lifted.unbind, errors.CallUnbindOnUnboundModuleError, "unbind")
    return ways


def refused_calls(s: Setting) -> Any:
    """Lifted modules refuse keys, variables, filters and methods that are none, and say which."""
    x = s.inputs()

    def mapped() -> Any:
        lifted = s.ensemble(Net)()
        given = lifted.init(s.key, x)
        first = partial(s.ensemble, variable_axes={"params": 0})
        start = {"rngs": {"params": s.key}}
        within: dict[str, Way] = {
            "names": (lambda: first(SameNames)().init(s.key, x), errors.NameInUseError, "w"),
            "attributes": (
                lambda: first(Keeping)().apply({}, x),
                errors.SetAttributeFrozenModuleError,
                "kept",
            ),
            "lengths": (lambda: first(Scanning)((2, 3)).apply({}, x, **start), ValueError, "3"),
            "no length": (lambda: first(Scanning)(()).apply({}, x, **start), ValueError, "length"),
            "methods": (lambda: s.ensemble(Net, methods=3), ValueError, "methods"),
        }
        groups = [_of_keys(s, lifted, given, x), _of_calls(lifted, given, x)]
        groups += [_unbound(lifted, x), within]
        ways = [(name, way) for ways in groups for name, way in ways.items()]
        wrong = {name: np.array(False) for name, way in ways if not refuses(way)}
        return wrong, np.array(len(ways))

    return mapped, ({}, np.array(38))


class Told(nn.Module):
    """A module that asks what it is."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w, and what it is told."""
        first = self.is_initializing()
        told = [self.has_variable("params", "w") is not first, self.has_rng("noise")]
        w = self.param("w", roll, (FEATURES,))
        told += [self.has_variable("params", "w"), not self.has_variable("params", "other")]
        told += [self.is_mutable_collection("params") is first, self.name == "told"]
        told += [self.path[-1] == "told", self.get_variable("params", "other", 7) == 7]
        told += [self.variables["params"]["w"] is w, not self.has_rng("absent")]
        self.sow("log", "seen", x)
        y = self.perturb("slope", x * w)
        return y, np.array(told)

    def other(self, x: Any) -> Any:
        """Give x."""
        return x


class Asking(nn.Module):
    """A module of one that is told what it is, with parts in scopes of a method's name."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what it gives, and x z for a parameter of a method's own."""
        y, told = Told(name="told")(x)
        return y + self.scoped(x) + self.named(x), told

    @nn.compact_name_scope
    def scoped(self, x: Any) -> Any:
        """Give x z."""
        return x * self.param("z", roll, (FEATURES,))

    def named(self, x: Any) -> Any:
        """Give 2 x, under a name of its own."""
        return nn.named_call(lambda module, x: 2 * x)(self, x)


def asked_of_modules(s: Setting) -> Any:
    """Lifted modules tell what they are; they are bound, watched, and made of shapes or by methods."""
    x = s.inputs()
    axes = {"params": 0, "log": 0, "perturbations": 0}
    key = {"params": s.key, "noise": s.key}

    def doubled(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        y = call(*args, **kwargs)
        is_told = type(context.module).__name__ == "Told" and context.method_name == "__call__"
        return (2 * y[0], y[1]) if is_told else y

    def mapped() -> Any:
        split: Any = {"params": True, "noise": True}
        lifted: Any = s.ensemble(Asking, variable_axes=axes, split_rngs=split)()
        made = lifted.init(key, x)
        params, zeros = made["params"], made["perturbations"]
        noise = {"rngs": {"noise": s.key}}
        apply = partial(lifted.apply, {"params": params}, x, **noise)
        with nn.intercept_methods(doubled):
            watched = apply()[0]
        bound = lifted.bind({"params": params}, **noise)
        again, variables = bound.unbind()
        ways = [bound(x), again.apply(variables, x, **noise)]
        ways.append(lifted.copy().apply({"params": params}, x, **noise))

        def loss(slopes: Any) -> Any:
            given = {"params": params, "perturbations": slopes}
            return jnp.sum(lifted.apply(given, x, **noise)[0] ** 2)

        slopes = jax.grad(loss)(zeros)["told"]["slope"]
        coder: Any = s.ensemble(Coder, methods=["encode", "decode"])()
        shapes = jax.ShapeDtypeStruct(x.shape, x.dtype)
        lazily = coder.lazy_init(s.key, shapes, method="encode")
        by_name = coder.init_with_output(s.key, x, method="encode")
        return (made, *apply(), watched, ways, slopes), lazily, by_name

    keys = s.keys(s.key)

    def one(i: int) -> Any:
        made = Asking().init({"params": keys[i], "noise": keys[i]}, x[i])
        w, z = made["params"]["told"]["w"], made["params"]["z"]
        y, more = x[i] * w, x[i] * z + 2 * x[i]
        whole = y + more
        told = np.ones(10, bool)
        return made, whole, told, 2 * y + more, [(whole, told)] * 3, 2 * whole

    coders = s.members(Coder(), x)
    of_coder = jnp.einsum("bf,bfo->bo", x, coders["params"]["w"]), s.placed(coders)
    return mapped, (s.loop(one), of_coder[1], of_coder)


USES: dict[str, Use] = {
    "use.refused-calls": refused_calls,
    "use.asked-of-modules": asked_of_modules,
}
