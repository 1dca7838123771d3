"""What `bisect` is asked about: a law, or an observation, as `upgrade` prints it."""

import re
from collections.abc import Collection

import attrs

PACKAGES = ("jax", "jaxlib", "flax")


@attrs.frozen
class Target:
    """A law, with the transform and subject where they were given, or the key of an observation."""

    law: str | None = None
    transform: str | None = None
    subject: str | None = None
    observation: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The dotted name that is observed, where the observation is of one."""
        if self.observation is None or not self.observation.startswith("names/"):
            return ()
        return (self.observation.removeprefix("names/"),)


_BETWEEN = re.compile(r"\s*\|\s*|\s+of\s+")


def target(text: str, laws: Collection[str], groups: Collection[str]) -> Target:
    """What the text is: a law's id, `LAW | TRANSFORM | SUBJECT`, an observation's key, or a dotted name.

    `LAW of TRANSFORM` is what `upgrade` prints beside a subject of the user's.

    Args:
        text: As `upgrade` prints it: `jax.numpy.fix` as well as `names/jax.numpy.fix`.
        laws: The ids of all laws.
        groups: The groups of observations.

    Raises:
        ValueError: It is none of these, in one sentence.

    """
    parts = [part.strip() for part in _BETWEEN.split(text)]
    if parts[0] in laws:
        names = [*parts[1:3], None, None][:2]
        return Target(law=parts[0], transform=names[0], subject=names[1])
    group, slash, rest = text.partition("/")
    if slash and (group in groups or group == "gradients"):
        if not rest or (group == "names" and rest.split(".")[0] not in PACKAGES):
            raise ValueError(
                f"{text!r} is not an observation: what follows names/ is a dotted name of "
                f"{', '.join(PACKAGES)}, such as names/jax.numpy.fix"
            )
        return Target(observation=text)
    if text.split(".", maxsplit=1)[0] in PACKAGES and all(
        word.isidentifier() for word in text.split(".")
    ):
        return Target(observation=f"names/{text}")
    raise ValueError(
        f"{text!r} is neither a law nor an observation: give the id of a law, a name such as jax.numpy.fix, "
        f"or a key that `upgrade -v` prints, which begins with {', '.join(sorted(groups))}"
    )
