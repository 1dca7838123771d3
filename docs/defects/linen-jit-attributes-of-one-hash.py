"""sharing.documented-uses does not hold for flax.linen.vmap on use.compiled-apart.

A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind.
values differ in [1] at index (1, 0): expected -8, got 4 (1.26e+07 ULP)

Found by vmap-conformance. Prints what was expected and got; exits 1 while they differ.
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import sys

import jax
import jax.numpy as jnp
import numpy as np
from numpy import inf, nan  # in the arrays below



def array(dtype, shape, values):
    return np.array(values, dtype).reshape(shape)


def numbers(leaf):
    is_key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


expected = [array('float32', (3, 2), [0.0, -0.0, 4.0, -6.0, -12.0, -24.0]), array('float32', (3, 2), [0.0, 0.0, -8.0, 6.0, -16.0, -20.0])]
allowed = [array('float64', (3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308])]
dtypes = ['float32', 'float32']
structure = 'PyTreeDef([*, *])'


print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:
    import dataclasses
    from collections.abc import Callable
    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np

    FEATURES, OUTPUTS = 2, 4
    """The sizes of a module's input and output."""


    def roll(key: Any, shape: Any, dtype: Any = jnp.float32) -> Any:
        """Whole numbers of this shape, drawn from a key."""
        return jax.random.randint(key, shape, -9, 9).astype(dtype)


    @dataclasses.dataclass(frozen=True)
    class Setting:
        """What a use is given: a number of examples, and what it may choose."""

        size: int
        seed: int

        @property
        def axis(self) -> int:
            """Where the parameters of an ensemble are stacked."""
            return self.seed % 2

        @property
        def key(self) -> Any:
            """The root key."""
            return jax.random.key(self.seed)

        def keys(self, root: Any) -> Any:
            """The key of each member."""
            return jax.random.split(root, self.size)

        def whole(self, number: int, *shape: int) -> Any:
            """Whole numbers of this shape; each `number` gives others."""
            random = np.random.RandomState((self.seed + 7919 * number) % 2**32)
            return jnp.asarray(random.randint(-4, 5, size=shape), jnp.float32)

        def inputs(self) -> Any:
            """An input for each example, of shape (size, FEATURES)."""
            return self.whole(3, self.size, FEATURES)

        def ensemble(self, module: Any, **given: Any) -> Any:
            """The lifted class: parameters along `axis`, the cache in front, keys split."""
            axes = {"params": self.axis, "cache": 0}
            split = {"params": True, "dropout": True}
            return nn.vmap(module, **{"variable_axes": axes, "split_rngs": split, **given})

        def loop(self, one: Callable[[int], Any]) -> Any:
            """What `one(i)` gives of each example, stacked in front."""
            each = [one(i) for i in range(self.size)]
            return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *each)

        def placed(self, variables: Any) -> Any:
            """Variables that are stacked in front, with parameters along `axis`."""
            moved = jax.tree_util.tree_map(
                lambda leaf: jnp.moveaxis(leaf, 0, self.axis), variables["params"]
            )
            return {**variables, "params": moved}

        def members(self, module: Any, *inputs: Any) -> Any:
            """The variables of each member, initialised by its own key, stacked in front."""
            keys = self.keys(self.key)
            return self.loop(lambda i: module.init(keys[i], *(x[i] for x in inputs)))


    import inspect
    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np


    STEPS = 3
    """How many steps a scan takes."""
    UNCHECKED: dict[str, Any] = (
        {"check_constancy_invariants": False}
        if "check_constancy_invariants" in inspect.signature(nn.scan).parameters
        else {}
    )
    """What has a scan not trace its step twice."""


    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np


    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np


    STEPS = 2
    """How many turns a scan and a loop take."""


    class Along(nn.Module):
        """Sums along an axis, which is an attribute."""

        axis: int

        @nn.compact
        def __call__(self, x: Any) -> Any:
            """Give them for `x` of shape (STEPS, FEATURES), times a parameter."""
            return jnp.sum(x, self.axis) * self.param("w", roll, ())


    def compiled_apart(s: Setting) -> Any:
        """Compiled modules of one class have attributes that differ and are hashed alike, as -1 and -2 are."""
        x, w = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, s.size)

        def mapped() -> Any:
            made: Any = s.ensemble(nn.jit(Along), variable_axes={"params": 0})
            return [made(axis).apply({"params": {"w": w}}, x) for axis in (-1, -2)]

        return mapped, [x.sum(axis) * w[:, None] for axis in (-1, -2)]


    mapped, _ = compiled_apart(Setting(3, 5))
    got = mapped()
    got = jax.tree_util.tree_map(numbers, got)
except Exception as error:
    print("it raised", repr(error)[:300])
    print("\nthey differ")
    sys.exit(1)


def agree(got, expected, allowed):
    """Which elements of two arrays agree.

    - NaN agrees with NaN, and with nothing else.
    - An infinity agrees with the infinity of its sign.
    - Where `allowed` is infinite nothing is known, and any value agrees.
    - Where nothing is allowed in the whole array, values are equal; zeros have one sign where both
      arrays are of one real dtype.
    - Else the distance is at most what is allowed; zeros of either sign are equal. Integers and
      booleans are compared as float64, complex numbers by the modulus of their difference.

    Args:
        got: an array of any dtype.
        expected: of the same shape, in the same dtype or a wider one.
        allowed: the largest absolute difference, of the same shape or a scalar; not negative.

    Returns:
        Booleans of the arrays' shape.
    """
    got, expected, allowed = (np.asarray(got), np.asarray(expected), np.asarray(allowed))
    with np.errstate(all='ignore'):
        same = (got == expected) | (got != got) & (expected != expected)
        if not np.any(allowed):
            if got.dtype == expected.dtype and (not np.iscomplexobj(got)):
                same = same & ((np.signbit(got) == np.signbit(expected)) | (got != got))
            return np.asarray(same, bool)
        wide = complex if np.iscomplexobj(got) or np.iscomplexobj(expected) else float
        distance = np.abs(got.astype(wide) - expected.astype(wide))
        return np.asarray(same | (distance <= allowed) | (allowed == np.inf), bool)


got_leaves = jax.tree_util.tree_flatten_with_path(got)[0]
expected_leaves = jax.tree_util.tree_leaves(expected)
bounds = jax.tree_util.tree_leaves(allowed)
got_structure = str(jax.tree_util.tree_structure(got))
different = got_structure != structure
if different:
    print(f"expected {structure}", f"got {got_structure}", sep="\n")
for (path, g), e, bound, dtype in zip(got_leaves, expected_leaves, bounds, dtypes):
    print("\n" + jax.tree_util.keystr(path), f"expected {dtype} {e.shape}", e, sep="\n")
    print(f"got {g.dtype.name} {g.shape}", g, sep="\n")
    if g.shape != e.shape or g.dtype.name != dtype:
        different = True
    else:
        different |= not np.all(agree(g, e, bound))
print("\nthey differ" if different else "\nthey agree")
sys.exit(different)
