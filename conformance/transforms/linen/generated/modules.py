"""Generated modules in Linen: a class for each kind of module.

Every module maps whole numbers of shape (WIDTH,) to such numbers. A standalone script of a violation
holds this whole file: it imports Flax and JAX only.
"""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

WIDTH = 3
"""The size of every module's input and output."""
MODULUS = 5
"""Outputs are whole numbers below this."""
TURNS = 2
"""How many layers a scan has, and how many inputs an inner map."""
STATE = ("cache", "batch_stats", "intermediates")
"""The collections that a call updates."""


def reduced(x: Any) -> Any:
    """The remainders, which are small whole numbers again."""
    return jnp.mod(x, MODULUS)


def whole(key: Any, shape: Any) -> Any:
    """Small whole numbers of this shape, drawn from a key."""
    return reduced((jax.random.bits(key, shape) >> 8).astype(jnp.float32))


def weights(key: Any, shape: Any) -> Any:
    """Numbers from -1 to 1 of this shape, drawn from a key."""
    return jnp.sign(whole(key, shape) - MODULUS // 2)


class Affine(nn.Module):
    """x w + b."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        w = self.param("w", weights, (WIDTH, WIDTH))
        return reduced(jnp.dot(x, w) + self.param("b", weights, (WIDTH,)))


class Count(nn.Module):
    """Adds x to a total in the cache, and gives the total."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        total = self.variable("cache", "total", jnp.zeros, WIDTH)
        total.value = reduced(total.value + x)
        return total.value


class Mean(nn.Module):
    """Keeps x in its statistics, and gives the difference to the one before."""

    def setup(self) -> None:
        """Make the variable."""
        self.last = self.variable("batch_stats", "last", jnp.zeros, WIDTH)

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        before, self.last.value = self.last.value, x
        return reduced(x - before)


class Noise(nn.Module):
    """Adds what it draws from the stream `noise`."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(x + whole(self.make_rng("noise"), x.shape))


class Sow(nn.Module):
    """Sows x."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        self.sow("intermediates", "seen", x)
        return reduced(x + 1)


class Chain(nn.Module):
    """Submodules that are attributes, one after the other."""

    of: ClassVar[tuple[Any, ...]] = ()

    def setup(self) -> None:
        """Make the submodules."""
        for i, make in enumerate(self.of):
            setattr(self, f"part{i}", make())

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for i in range(len(self.of)):
            x = getattr(self, f"part{i}")(x)
        return x


class Inline(nn.Module):
    """Submodules that are made in the call, one after the other."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for make in self.of:
            x = make()(x)
        return x


class Listed(nn.Module):
    """Submodules in a list."""

    of: ClassVar[tuple[Any, ...]] = ()

    def setup(self) -> None:
        """Make the submodules."""
        self.parts = [make() for make in self.of]

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for part in self.parts:
            x = part(x)
        return x


class InDict(nn.Module):
    """Submodules in a dictionary."""

    of: ClassVar[tuple[Any, ...]] = ()

    def setup(self) -> None:
        """Make the submodules."""
        self.parts = {f"part{i}": make() for i, make in enumerate(self.of)}

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        for name in sorted(self.parts):
            x = self.parts[name](x)
        return x


class Sum(nn.Module):
    """The sum of what submodules give."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(sum(make()(x) for make in self.of))


class Again(nn.Module):
    """One submodule, called twice."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        inner = self.of[0]()
        return inner(inner(x))


class Holder(nn.Module):
    """A module that was made elsewhere."""

    held: Any

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return self.held(x)


class Shared(nn.Module):
    """One submodule that two others have."""

    of: ClassVar[tuple[Any, ...]] = ()

    def setup(self) -> None:
        """Make the submodules."""
        self.inner = self.of[0]()
        self.first, self.second = Holder(self.inner), Holder(self.inner)

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        return reduced(self.first(x) + self.second(x + 1))


class Remat(nn.Module):
    """A submodule that is rematerialised."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nn.remat(self.of[0])
        return lifted(name="inner")(x)


class Jit(nn.Module):
    """A submodule that is compiled."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nn.jit(self.of[0])
        return lifted(name="inner")(x)


def step(module: Any, x: Any, _: Any) -> Any:
    """A turn of a scan."""
    return module(x), None


class Scanned(nn.Module):
    """Two layers in a scan."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nn.scan(
            step,
            variable_axes={"params": 0, "cache": 0, "batch_stats": 0},
            split_rngs={"params": True, "noise": True},
            length=TURNS,
        )
        return lifted(self.of[0](name="inner"), x, None)[0]


class Looped(nn.Module):
    """One layer twice in a loop, which carries its state."""

    of: ClassVar[tuple[Any, ...]] = ()

    def setup(self) -> None:
        """Make the submodule."""
        self.inner = self.of[0]()

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        if self.is_initializing():
            return self.inner(x)
        lifted: Any = nn.scan(
            step,
            variable_broadcast="params",
            variable_carry=["cache", "batch_stats"],
            split_rngs={"params": False, "noise": True},
            length=TURNS,
        )
        return lifted(self.inner, x, None)[0]


class Mapped(nn.Module):
    """A map of two members."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nn.vmap(
            self.of[0],
            variable_axes={"params": 0, "cache": 0, "batch_stats": 0},
            split_rngs={"params": True, "noise": True},
        )
        return reduced(lifted(name="inner")(jnp.stack([x, x + 1])).sum(0))


class MapShared(nn.Module):
    """A map of one member over two inputs."""

    of: ClassVar[tuple[Any, ...]] = ()

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the output."""
        lifted: Any = nn.vmap(
            self.of[0],
            in_axes=1,
            out_axes=1,
            variable_axes={"params": None},
            split_rngs={"params": False},
        )
        return reduced(lifted(name="inner")(jnp.stack([x, x + 1], 1)).sum(1))


class Branched(nn.Module):
    """One submodule or the other, as x says."""

    of: ClassVar[tuple[Any, ...]] = ()

    def setup(self) -> None:
        """Make the submodules."""
        self.first, self.second = (make() for make in self.of)

    def __call__(self, x: Any) -> Any:
        """Give the output."""
        if self.is_initializing():
            return self.second(self.first(x))
        return nn.cond(
            jnp.sum(x) > MODULUS,
            lambda module, x: module.first(x),
            lambda module, x: module.second(x + 1),
            self,
            x,
        )


def called(module: Any, x: Any) -> Any:
    """What the module gives."""
    return module(x)
