"""Generated modules in NNX: a class for each kind of module.

Every module maps whole numbers of shape (WIDTH,) to such numbers. A standalone script of a violation
holds this whole file: it imports Flax and JAX only.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from conformance.transforms.nnx.lift import read, write

WIDTH = 3
"""The size of every module's input and output."""
MODULUS = 5
"""Outputs are whole numbers below this."""
TURNS = 2
"""How many layers a scan has, and how many inputs an inner map."""
APART: Any = nnx.split_rngs
"""Typed loosely: what it decorates is."""


class Total(nnx.Variable[Any]):
    """What a module has been given so far."""


def reduced(x: Any) -> Any:
    """The remainders, which are small whole numbers again."""
    return jnp.mod(x, MODULUS)


def whole(key: Any, *shape: int) -> Any:
    """Small whole numbers of this shape, drawn from a key."""
    return reduced((jax.random.bits(key, shape) >> 8).astype(jnp.float32))


def weights(key: Any, *shape: int) -> Any:
    """Numbers from -1 to 1 of this shape, drawn from a key."""
    return jnp.sign(whole(key, *shape) - MODULUS // 2)


def called(module: Any, x: Any) -> Any:
    """What the module gives."""
    return module(x)


def called_in_turn(x: Any, module: Any) -> Any:
    """The same for a scan, which carries x."""
    return module(x)


def called_next(module: Any, other: Any, x: Any) -> Any:
    """What the other module gives of the next x."""
    return other(x + 1)


def called_first(module: Any, other: Any, x: Any) -> Any:
    """What the first module gives."""
    return module(x)


def turn(_: Any, carried: Any) -> Any:
    """A turn of a loop, which carries a module and x."""
    module, x = carried
    return module, module(x)


class Affine(nnx.Module):
    """x w + b."""

    def __init__(self, rngs: Any) -> None:
        self.w = nnx.Param(weights(rngs.params(), WIDTH, WIDTH))
        self.b = nnx.Param(weights(rngs.params(), WIDTH))

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(jnp.dot(x, read(self.w)) + read(self.b))


class Count(nnx.Module):
    """Adds x to a total, and gives the total."""

    def __init__(self, rngs: Any) -> None:
        self.total = Total(jnp.zeros(WIDTH))

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        write(self.total, reduced(read(self.total) + x))
        return read(self.total)


class Mean(nnx.Module):
    """Keeps x in its statistics, and gives the difference to the one before."""

    def __init__(self, rngs: Any) -> None:
        self.last = nnx.BatchStat(jnp.zeros(WIDTH))

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        before = read(self.last)
        write(self.last, x)
        return reduced(x - before)


class Noise(nnx.Module):
    """Adds what it draws from a stream of its own."""

    def __init__(self, rngs: Any) -> None:
        self.rngs = nnx.Rngs(noise=rngs.noise())

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(x + whole(self.rngs.noise(), *x.shape))


class Sow(nnx.Module):
    """Sows x."""

    def __init__(self, rngs: Any) -> None:
        pass

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        self.sow(nnx.Intermediate, "seen", x)
        return reduced(x + 1)


class Chain(nnx.Module):
    """Submodules that are attributes, one after the other."""

    of: Any = ()

    def __init__(self, rngs: Any) -> None:
        for i, make in enumerate(self.of):
            setattr(self, f"part{i}", make(rngs))

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for i in range(len(self.of)):
            x = getattr(self, f"part{i}")(x)
        return x


Inline = Chain


class Listed(nnx.Module):
    """Submodules in a list."""

    of: Any = ()

    def __init__(self, rngs: Any) -> None:
        listed: Any = getattr(nnx, "List", list)
        self.parts = listed([make(rngs) for make in self.of])

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for part in self.parts:
            x = part(x)
        return x


class InDict(nnx.Module):
    """Submodules in a dictionary."""

    of: Any = ()

    def __init__(self, rngs: Any) -> None:
        self.parts = nnx.Dict({f"part{i}": make(rngs) for i, make in enumerate(self.of)})

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for i in range(len(self.of)):
            x = self.parts[f"part{i}"](x)
        return x


class Sum(Chain):
    """The sum of what submodules give."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(sum(getattr(self, f"part{i}")(x) for i in range(len(self.of))))


class One(nnx.Module):
    """A submodule."""

    of: Any = ()

    def __init__(self, rngs: Any) -> None:
        self.inner = self.of[0](rngs)


class Again(One):
    """One submodule, called twice."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return self.inner(self.inner(x))


class Holder(nnx.Module):
    """A module that was made elsewhere."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return self.held(x)


class Shared(One):
    """One submodule that two others have."""

    def __init__(self, rngs: Any) -> None:
        super().__init__(rngs)
        self.first, self.second = Holder(self.inner), Holder(self.inner)

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(self.first(x) + self.second(x + 1))


class Remat(One):
    """A submodule that is rematerialised."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nnx.remat(called)
        return lifted(self.inner, x)


class Jit(One):
    """A submodule that is compiled."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nnx.jit(called)
        return lifted(self.inner, x)


class Stacked(nnx.Module):
    """Several members of a submodule, made by a map from split streams."""

    of: Any = ()

    def __init__(self, rngs: Any) -> None:
        make = nnx.vmap(self.of[0], in_axes=0, out_axes=0)
        self.inner = APART(splits=TURNS)(make)(rngs)


class Scanned(Stacked):
    """Two layers in a scan."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nnx.scan(called_in_turn, in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        return lifted(x, self.inner)


class Looped(One):
    """One layer twice in a loop, which carries its state."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        loop: Any = nnx.fori_loop
        return loop(0, TURNS, turn, (self.inner, x))[1]


class Mapped(Stacked):
    """A map of two members."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nnx.vmap(called, in_axes=(0, 0))
        return reduced(lifted(self.inner, jnp.stack([x, x + 1])).sum(0))


class MapShared(One):
    """A map of one member over two inputs."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nnx.vmap(called, in_axes=(None, 1), out_axes=1)
        return reduced(lifted(self.inner, jnp.stack([x, x + 1], 1)).sum(1))


class Branched(Chain):
    """One submodule or the other, as x says."""

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        cond: Any = nnx.cond
        first, second = (getattr(self, name) for name in ("part0", "part1"))
        return cond(jnp.sum(x) > MODULUS, called_first, called_next, first, second, x)
