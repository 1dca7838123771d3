"""Where a module's variables and keys come from: Linen's scope, as small as the subjects need.

A module is a function of a scope and arrays. It asks the scope for parameters, variables, keys and
child scopes; names and draw counts are kept as Linen keeps them, so that `init` gives for a seed
the tree that the Linen module of the same structure gives. Source: `flax/core/scope.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from reference.initializers import Initializer
from reference.keys import LINEN, Derivation, Key

Module = Callable[..., Any]
Variables = dict[str, Any]


def as_given(initializer: Initializer) -> Initializer:
    """The initializer itself: what `init` does with it where nothing else is asked for."""
    return initializer


class Scope:
    """One module's place in the tree: its path, and the variables and streams of the whole tree.

    `variables` is read and written in place; `init` and `apply` make the scope at the root.
    """

    def __init__(
        self,
        variables: Variables,
        rngs: Mapping[str, Key],
        *,
        mutable: Sequence[str] = (),
        initializing: bool = False,
        path: tuple[str, ...] = (),
        counts: dict[tuple[tuple[str, ...], str], int] | None = None,
        derivation: Derivation = LINEN,
        initial: Callable[[Initializer], Initializer] = as_given,
    ) -> None:
        self.initial = initial
        self.initializing = initializing
        self.path = path
        self.variables = variables
        self.rngs = rngs
        self.mutable = mutable
        # One dictionary for the whole tree: a child asked for twice goes on counting.
        self._counts = {} if counts is None else counts
        self.derivation = derivation

    def child(self, name: str) -> "Scope":
        """The scope of the submodule called `name`, such as "Dense_0"."""
        return Scope(
            self.variables,
            self.rngs,
            mutable=self.mutable,
            initializing=self.initializing,
            path=(*self.path, name),
            counts=self._counts,
            derivation=self.derivation,
            initial=self.initial,
        )

    def param(self, name: str, initializer: Initializer, shape: Sequence[int]) -> jax.Array:
        """The parameter `name`, drawn from the stream "params" where it is not there yet.

        Raises KeyError when it is missing and "params" is not mutable, ValueError when the stored
        one has another shape.
        """

        def draw() -> jax.Array:
            return self.initial(initializer)(self.make_rng("params"), tuple(shape))

        value: jax.Array = self.variable("params", name, draw)
        if value.shape != tuple(shape):
            where = "/".join((*self.path, name))
            raise ValueError(f"parameter {where} has shape {value.shape}, expected {tuple(shape)}")
        return value

    def variable(self, collection: str, name: str, init_fn: Callable[[], Any]) -> Any:
        """The variable `name` of `collection`, made by `init_fn` where it is not there yet.

        Raises KeyError when it is missing and the collection is not mutable.
        """
        node = self.collection(collection)
        if name in node:
            return node[name]
        if not (self.initializing or collection in self.mutable):
            raise KeyError("/".join((collection, *self.path, name)))
        value = init_fn()
        self.collection(collection, create=True)[name] = value
        return value

    def update(self, collection: str, name: str, value: Any) -> None:
        """Set a variable. Raises ValueError when the collection is not mutable."""
        if not (self.initializing or collection in self.mutable):
            raise ValueError(f"collection {collection!r} must be among mutable={self.mutable!r}")
        self.collection(collection, create=True)[name] = value

    def make_rng(self, stream: str) -> Key:
        """The next key of `stream` in this scope; of "params" where there is no such stream.

        Draws are counted from 1, for each stream and, where Linen derives the keys, each scope.
        Raises KeyError when neither stream is there.
        """
        if stream not in self.rngs:
            if "params" not in self.rngs:
                raise KeyError(f"no key for stream {stream!r} in {sorted(self.rngs)}")
            stream = "params"
        where = (self.path if self.derivation.by_scope else (), stream)
        self._counts[where] = self._counts.get(where, 0) + 1
        return self.derivation.derive(self.rngs[stream], self.path, self._counts[where])

    def collection(self, collection: str, create: bool = False) -> Variables:
        """This module's own part of a collection, {} where it has none and is not to `create` it."""
        node = self.variables
        for name in (collection, *self.path):
            node = node.setdefault(name, {}) if create else node.get(name, {})
        return node


def init(
    module: Module,
    rngs: Mapping[str, Key] | Key,
    *inputs: Any,
    derivation: Derivation = LINEN,
    initial: Callable[[Initializer], Initializer] = as_given,
) -> Variables:
    """The variables `module` starts with on `inputs`: {"params": {...}, ...}, nested by path.

    `rngs` is a key per stream, or one key, meaning {"params": key}. Only collections that exist
    are there: a module without variables has {}. `initial` may put another initialiser in place of
    each that the module gives for a parameter.
    """
    variables: Variables = {}
    scope = Scope(
        variables, _streams(rngs), initializing=True, derivation=derivation, initial=initial
    )
    module(scope, *inputs)
    return variables


def apply(
    module: Module,
    variables: Mapping[str, Any],
    *inputs: Any,
    rngs: Mapping[str, Key] | Key = {},  # noqa: B006 (only read)
    mutable: str | Sequence[str] = (),
    derivation: Derivation = LINEN,
) -> Any:
    """What `module` gives on `inputs` with these variables, which are left as they are.

    With collections named in `mutable`, gives (output, updates), updates holding all that those
    collections hold afterwards. Keys are counted anew from 1 in each call.
    """
    mutable = (mutable,) if isinstance(mutable, str) else tuple(mutable)
    updated = _copy(variables)
    output = module(Scope(updated, _streams(rngs), mutable=mutable, derivation=derivation), *inputs)
    if not mutable:
        return output
    return output, {name: updated[name] for name in mutable if name in updated}


def _streams(rngs: Mapping[str, Key] | Key) -> Mapping[str, Key]:
    return rngs if isinstance(rngs, Mapping) else {"params": rngs}


def _copy(tree: Any) -> Any:
    return {k: _copy(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree
