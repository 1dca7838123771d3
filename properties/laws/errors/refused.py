"""A function that raises under a map: what is wrong with it, and what the exception says."""

import textwrap
from collections.abc import Callable
from typing import Any

import attrs
import jax

from properties.recipe import Recipe

PREAMBLE = """\
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import io_callback
"""

Entry = (
    tuple[str, type[Exception], str, tuple[str, ...]]
    | tuple[str, type[Exception], str, tuple[str, ...], tuple[int, ...]]
)
"""What is wrong, what it raises, an expression of two numbers, what the message contains, and since when."""


@attrs.frozen
class Refused:
    """A function of two numbers that raises under a map."""

    why: str
    """What is wrong with it, as in "ValueError, since ..."."""
    kind: type[Exception]
    """What it raises."""
    source: str
    """Its Python: an expression of `x`, or all of a module that defines `refused`."""
    works_alone: bool = True
    """Whether it can be called by itself, where no map is."""
    needs: str = ""
    """The name in `jax` that a release may lack."""
    says: tuple[str, ...] = ()
    """What the exception's message must contain, each of them."""
    head: str = ""
    """Python that stands in front of an expression: what it uses."""
    since: tuple[int, ...] = ()
    """The first release of JAX that says so."""
    devices: int = 1
    """How many there must be."""

    @property
    def is_there(self) -> bool:
        """Whether this release, on these devices, can run it."""
        named = not self.needs or hasattr(jax, self.needs)
        enough = jax.device_count() >= self.devices
        return named and enough and jax.__version_info__ >= self.since

    @property
    def text(self) -> str:
        """Python that defines `refused`."""
        one = "def refused" not in self.source
        code = f"def refused(x):\n    return {self.source}\n" if one else self.source
        head = f"{PREAMBLE}\n{self.head.strip()}".rstrip()
        return f"{head}\n\n\n{textwrap.dedent(code).strip()}\n"

    def function(self) -> Callable[..., Any]:
        """The function, of what its Python defines anew."""
        namespace: dict[str, Any] = {}
        exec(compile(self.text, "<refused>", "exec"), namespace)  # noqa: S102 (of this package)
        refused: Callable[..., Any] = namespace["refused"]
        return refused

    @property
    def recipe(self) -> Recipe:
        """How a script comes to what the map gives."""
        code = f"{self.text}\n\nfunction = refused"
        return Recipe("map of a function that must raise", setup_code=lambda call: code)


def refusals(entries: tuple[Entry, ...], head: str = "", devices: int = 1) -> tuple[Refused, ...]:
    """Functions that raise by themselves, too."""
    made = []
    for why, kind, source, says, *since in entries:
        each = Refused(why, kind, source, works_alone=False, says=says, head=head, devices=devices)
        made.append(attrs.evolve(each, since=since[0]) if since else each)
    return tuple(made)
