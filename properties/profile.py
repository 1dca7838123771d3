"""How hard a run tries. Every setting of Hypothesis is stated here, and nowhere else."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import attrs

Tier = Literal["essential", "standard", "derived", "generated", "devices", "catalogue"]
"""What a law, a transform or a subject costs, next to what only it can find.

- `essential`: a law that every run checks of every subject.
- `standard`: neither more nor less than others.
- `derived`: a law that follows from others but for what only it makes the transform do, or a transform
  that is made of another one.
- `generated`: a law of generated programs, of which only many show much.
- `devices`: a derived law that compiles a program for several devices for every call.
- `catalogue`: a subject that stands for one primitive, of which there are hundreds.
"""
HALVED: frozenset[Tier] = frozenset({"derived", "devices", "catalogue"})
"""The tiers of which a run draws half the calls."""
GENERATED = 4
"""Of generated programs a run draws so many times the calls: each takes a fifth of a second."""

OWN_COMBINATIONS = 3
"""As many combinations of axes of a user's own subject are traced together, at least."""


@attrs.frozen
class Sampling:
    """The sampling table of a profile: of each class of items, a run checks one in so many.

    `conformance/runner/sampling.py` says which items those are.
    """

    derived: int = 1
    """Subjects outside the catalogue, by each derived law and by each derived transform."""
    catalogue: int = 1
    """Subjects of the catalogue, by each law that is not essential."""
    variants: int = 1
    """Subjects of the catalogue that vary parameters, by each law that is not essential."""
    catalogue_on_devices: int = 1
    """Subjects of the catalogue, by a law that compiles for several devices."""
    own: int = 1
    """A user's own subject, by each law that says more of the transform than of the subject."""
    own_elsewhere: int = 1
    """The same, by a transform that is made of another one or maps over devices."""
    named_transforms: int = 1
    """Of the suite's own subjects outside the catalogue, by a transform that the user's sources name."""
    beside_own: int = 1
    """Of all that a run would check of the suite's own subjects, where it is about a user's code, but for
    what stands for a primitive that the code uses."""


@attrs.frozen
class Profile:
    """One level of effort."""

    name: str
    examples: int
    """Calls drawn for each (law, transform, subject)."""
    shapes: int
    """Sets of sizes that the calls of one subject have, in all laws together."""
    combinations: int
    """Axis combinations traced together in one call."""
    deadline: int
    """Seconds of computing after which an item counts as timed out; see `conformance/runner/deadline.py`."""
    random: bool
    """Draw a fresh seed for each run, and keep what failed in a database."""
    seed: int = 0
    """Together with the profile's name it determines every call drawn."""
    every_dtype: bool = False
    """Draw a call in each dtype of a function, by the laws that every run checks."""
    sampling: Sampling = Sampling()
    named_transforms: frozenset[str] = frozenset()
    """Those that the user's sources name, where nothing else says what they map."""
    used_primitives: frozenset[str] | None = None
    """What a user's code is traced to, where the run is about that code."""

    def beside(self, primitives: Iterable[str], transforms: Iterable[str] = ()) -> "Profile":
        """This profile for a run about a user's code, which uses these primitives and transforms.

        Of the suite's own items it checks a `share`.
        """
        return attrs.evolve(
            self, used_primitives=frozenset(primitives), named_transforms=frozenset(transforms)
        )

    @property
    def share(self) -> int:
        """A run checks one in so many of the suite's own items that it would check without a user's code."""
        return 1 if self.used_primitives is None else self.sampling.beside_own

    def asked(self, seed: int, laws: Sequence[str] = (), subjects: Sequence[str] = ()) -> "Profile":
        """This profile with that seed; it checks every item of the laws and subjects that are named.

        Of a user's own subject, which is always named where it is checked, only the laws count.
        """
        seeded = attrs.evolve(self, seed=seed)
        if laws:
            return attrs.evolve(seeded, sampling=Sampling())
        table = self.sampling
        named = Sampling(own=table.own, own_elsewhere=table.own_elsewhere)
        return attrs.evolve(seeded, sampling=named) if subjects else seeded

    def for_tiers(self, *tiers: Tier) -> "Profile":
        """This profile with as many calls as items of these tiers get."""
        if "generated" in tiers:
            return attrs.evolve(self, examples=GENERATED * self.examples)
        if HALVED.isdisjoint(tiers):
            return self
        return attrs.evolve(self, examples=max(1, self.examples // 2))

    def for_own(self, tier: Tier) -> "Profile":
        """This profile for a user's own subject, whose programs may be large.

        It draws calls of fewer combinations of axes, and fewer calls of a law that is not essential.
        """
        few = max(OWN_COMBINATIONS, self.combinations // 2)
        examples = self.examples if tier == "essential" else max(1, self.examples // 2)
        return attrs.evolve(self, examples=examples, combinations=min(few, self.combinations))

    def settings(self, database: Any = None, shrink: bool = True) -> dict[str, Any]:
        """Everything Hypothesis could otherwise take from its environment (`CI` changes defaults)."""
        import hypothesis as h

        return {
            "max_examples": self.examples,
            # Every item carries an explicit seed, which is what makes a run repeatable.
            "derandomize": False,
            "database": database,
            # Compilation makes the first call of a shape slow; that is not a failure.
            "deadline": None,
            "phases": [h.Phase.reuse, h.Phase.generate, *([h.Phase.shrink] if shrink else [])],
            "print_blob": not self.random,
            "report_multiple_bugs": False,
            "suppress_health_check": list(h.HealthCheck),
        }


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "quick",
            examples=2,
            shapes=2,
            combinations=5,
            deadline=120,
            random=False,
            sampling=Sampling(
                derived=3,
                catalogue=4,
                variants=8,
                catalogue_on_devices=8,
                own=3,
                own_elsewhere=16,
                named_transforms=2,
                beside_own=8,
            ),
        ),
        Profile(
            "ci",
            examples=6,
            shapes=6,
            combinations=32,
            deadline=300,
            random=False,
            sampling=Sampling(catalogue_on_devices=2),
        ),
        Profile(
            "thorough",
            examples=60,
            shapes=16,
            combinations=64,
            deadline=1800,
            random=True,
            every_dtype=True,
        ),
    )
}
