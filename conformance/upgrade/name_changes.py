"""Names that went: the release that removed them, its date, and what took their place.

What the installed release itself says of a removed name comes first; the tables, here and in
`conformance/successors.py`, are for names of which it says nothing.
"""

import re
from collections.abc import Sequence

import attrs
from packaging.version import Version

from conformance.successors import by_longest_prefix, successor, successor_of_warned

_REMOVED_IN = {
    "jax.device_put_replicated": "0.10.0",
    "jax.device_put_sharded": "0.10.0",
    "jax.sharding.PmapSharding": "0.10.0",
    **dict.fromkeys(
        (
            *("jax.numpy.fix", "jax.lax.pvary", "jax.core.get_aval", "jax.core.mapped_aval"),
            *("jax.core.subjaxprs", "jax.core.unmapped_aval"),
        ),
        "0.10.0",
    ),
    "jax.experimental.pallas.tpu.repeat": "0.10.2",
    "jax.experimental.pallas.load": "0.9.0",
    "jax.experimental.pallas.store": "0.9.0",
    "jax.util": "0.8.0",
    "jax.extend.ffi": "0.8.0",
    "jax.experimental.host_callback": "0.8.0",
    "jax.interpreters.xla.abstractify": "0.7.0",
    "jax.interpreters.xla.pytype_aval_mappings": "0.7.0",
    **dict.fromkeys(
        (
            *("jax.tree_map", "jax.tree_flatten", "jax.tree_unflatten", "jax.tree_leaves"),
            *("jax.tree_structure", "jax.tree_transpose", "jax.lib.xla_extension.XlaRuntimeError"),
            *("jax.core.ClosedJaxpr", "jax.core.Jaxpr", "jax.core.JaxprEqn", "jax.core.Literal"),
            *("jax.core.Primitive", "jax.core.Token", "jax.core.Var", "jax.core.full_lower"),
            "jax.core.raise_to_shaped",
        ),
        "0.6.0",
    ),
    "jax.xla_computation": "0.4.34",
}
"""JAX releases that removed a name or a module, from JAX's change log."""

_KEYWORDS: dict[tuple[str, str], tuple[str | None, str]] = {
    ("jax.numpy.clip", "a"): ("0.10.0", "the first argument, by position"),
    ("jax.numpy.clip", "a_min"): ("0.10.0", "min="),
    ("jax.numpy.clip", "a_max"): ("0.10.0", "max="),
    ("jax.numpy.reshape", "newshape"): (None, "shape="),
    ("jax.pure_callback", "vectorized"): (
        "0.6.0",
        "vmap_method='legacy_vectorized' for True, and 'sequential' for False",
    ),
    ("jax.jit", "fun"): ("0.7.0", "the first argument, by position"),
    ("jax.export.export", "lowering_platforms"): ("0.4.36", "platforms="),
    ("jax.experimental.shard_map.shard_map", "auto"): (
        "0.8.0",
        "jax.shard_map, with axis_names= of the axes that are not automatic",
    ),
    ("jax.numpy.quantile", "interpolation"): (None, "method="),
    ("jax.numpy.nanquantile", "interpolation"): (None, "method="),
    ("jax.numpy.percentile", "interpolation"): (None, "method="),
    ("jax.numpy.nanpercentile", "interpolation"): (None, "method="),
    **{
        (f"flax.nnx.{lift}", "state_axes"): (
            None,
            "nnx.StateAxes({...}) in in_axes and out_axes, at the module's place",
        )
        for lift in ("scan", "vmap", "pmap")
    },
}
"""By function and keyword: the JAX release that takes it no more, and what to give instead."""

_NEEDED = {
    ("flax.nnx.Optimizer", "wrt"): (
        "give wrt=nnx.Param and call update(model, grads), or use nnx.ModelAndOptimizer, which is called "
        "as before"
    ),
}
"""By function and an argument that it asks for now: what to write."""

_RELEASED = {
    "0.4.30": "2024-06-18",
    "0.4.31": "2024-07-29",
    "0.4.32": "2024-09-11",
    "0.4.33": "2024-09-16",
    "0.4.34": "2024-10-04",
    "0.4.35": "2024-10-22",
    "0.4.36": "2024-12-05",
    "0.4.37": "2024-12-09",
    "0.4.38": "2024-12-17",
    "0.5.0": "2025-01-17",
    "0.5.1": "2025-02-24",
    "0.5.2": "2025-03-04",
    "0.5.3": "2025-03-19",
    "0.6.0": "2025-04-16",
    "0.6.1": "2025-05-21",
    "0.6.2": "2025-06-17",
    "0.7.0": "2025-07-22",
    "0.7.1": "2025-08-20",
    "0.7.2": "2025-09-16",
    "0.8.0": "2025-10-15",
    "0.8.1": "2025-11-18",
    "0.8.2": "2025-12-18",
    "0.9.0": "2026-01-20",
    "0.9.1": "2026-03-02",
    "0.9.2": "2026-03-18",
    "0.10.0": "2026-04-16",
    "0.10.1": "2026-05-20",
    "0.10.2": "2026-06-17",
    "0.11.0": "2026-07-16",
}
"""When each release of JAX came out, from JAX's change log."""

_REMOVED = re.compile(r"removed in (?:JAX |jax )?v?(\d+(?:\.\d+)+)")
_USE = re.compile(r"\b[Uu]se (.+?)(?: instead)?(?:\.? See |\.?$|\. )")


@attrs.frozen
class NameChange:
    """What became of a name."""

    release: str | None
    """Such as `jax 0.10.0`; None where it is not known."""
    date: str | None
    instead: str | None
    """What to use, None where nothing is known."""

    @property
    def sentence(self) -> str:
        """Such as `gone since jax 0.10.0 (2026-04-16)`."""
        if self.release is None:
            return "gone"
        return f"gone since {self.release}" + (f" ({self.date})" if self.date else "")


def change_of(name: str, said: str = "") -> NameChange:
    """What became of a removed name, by what the newer release says of it and by what is known.

    Args:
        name: Its dotted name, such as `jax.numpy.fix`.
        said: The message of the AttributeError or ImportError that it raises now.

    """
    found = _REMOVED.search(said)
    version = found.group(1) if found else by_longest_prefix(name, _REMOVED_IN)
    use = _USE.search(said)
    known = replacement(name)
    # What the table knows is never less than what the release says.
    instead = known or (use.group(1).replace("`", "").strip() if use else None)
    if version is None:
        return NameChange(None, None, instead)
    package = name.split(".", maxsplit=1)[0]
    date = _RELEASED.get(version) if package == "jax" else None
    return NameChange(f"{package} {version}", date, instead)


def keyword_change(name: str, keywords: Sequence[str]) -> str | None:
    """Such as `takes no a_min=, a_max= since jax 0.10.0 (2026-04-16): use min=, max=`.

    Args:
        name: The function.
        keywords: Those that a call gives and that it takes no more.

    Returns:
        None where nothing is known of one of them.

    """
    known = [_KEYWORDS.get((name, keyword)) for keyword in keywords]
    found = [each for each in known if each is not None]
    if not found or len(found) < len(known):
        return None
    release = found[0][0]
    since = f"since jax {release} ({_RELEASED[release]})" if release else "any more"
    given = ", ".join(f"{keyword}=" for keyword in keywords)
    return f"takes no {given} {since}: use {', '.join(instead for _, instead in found)}"


def is_refused_since(name: str, keyword: str, was: str | None, now: str | None) -> bool:
    """Whether it is known that a keyword is refused by one of two releases of JAX, and not by the first.

    Some signatures show a keyword for long after a call that gives it is refused, or hand it on.
    """
    release = _KEYWORDS.get((name, keyword), (None, ""))[0]
    if release is None or was is None or now is None:
        return False
    return Version(was) < Version(release) <= Version(now)


def is_known_to_have_been_taken(name: str, keyword: str) -> bool:
    """Whether releases took a keyword that a function's signature may not have shown."""
    return (name, keyword) in _KEYWORDS


def needed(name: str, arguments: Sequence[str]) -> str | None:
    """What to write where a function asks for arguments that it did not; None where nothing is known."""
    known = [_NEEDED.get((name, argument)) for argument in arguments]
    return next((each for each in known if each is not None), None)


def advice(name: str, message: str) -> str | None:
    """What to use in place of a name that warns: what is known, else what the warning says, if it does."""
    known = successor_of_warned(name)
    if known is not None:
        return known.replace("`", "")
    use = _USE.search(message)
    return use.group(1).replace("`", "").strip() if use else None


def replacement(name: str) -> str | None:
    """What took the place of a removed name, or of the module it was in; None where nothing is known."""
    known = successor(name)
    return None if known is None else known.replace("`", "")
