"""Which profile's own calls kill each subtle mutant: first those of quick, then those of ci."""

from collections.abc import Iterator

from conformance.mutation.control import first_violation, unbroken
from conformance.mutation.kill_matrix import MODULES
from conformance.mutation.results import SubtleResult
from conformance.runner import sampling
from conformance.transforms import TRANSFORMS
from properties.law import Law
from properties.laws import LAWS
from properties.mutants.subtle import SUBTLE
from properties.mutants.subtle.subtle_mutant import noting_triggers
from properties.profile import PROFILES, Profile
from properties.subject import ModuleSubject, Subject
from properties.subjects import PROGRAMS, SUBJECTS

HOSTS = {"jax.vmap": False, "flax.linen.vmap": True, "flax.nnx.vmap": True}
"""The transforms that are broken, and whether their lifting of modules is, or their mapping of functions."""
TRIED = ("quick", "ci")
"""The profiles whose calls are tried, in this order."""
SUBJECTS_TRIED = (
    "dot-product",
    "matrix-add",
    "linear",
    "softmax",
    "sort",
    "mlp-loss",
    "square",
    "lax.broadcast_in_dim.scalar",
    "large-maximum",
    *(subject.name for subject in PROGRAMS),
    "lax.add",
    "lax.clamp",
    "lax.dot_general.batch",
    "lax.eq",
    "lax.and",
    "lax.real",
    "lax.select_n",
    "lax.concatenate",
    "lax.while",
    "lax.select_n.scalar",
    "lax.mul.python-number",
    *MODULES,
)
"""Those of them that the catalogue has: a few of every kind, so that a table is made in minutes."""


def tasks() -> dict[str, tuple[str]]:
    """The hosts that the installed releases have."""
    return {host: (host,) for host in HOSTS if TRANSFORMS[host].unavailable() is None}


def mutate_subtly(host: str) -> list[SubtleResult]:
    """Check the subtle mutants of a transform on what runs draw, each up to its first kill.

    Calls on which the transform as it is fails are not tried. A mutant is tried on the calls of an item
    where one of them triggers it.
    """
    transform, results = TRANSFORMS[host], {}
    left = [mutant for mutant in SUBTLE.values() if mutant.lifts is HOSTS[host]]
    seen: set[str] = set()
    for profile in (PROFILES[name].asked(0) for name in TRIED):
        for law, subject in _items(host, profile) if left else ():
            triggered: set[str] = set()
            control = unbroken(
                law, noting_triggers(transform, SUBTLE.values(), triggered), subject, profile
            )
            seen |= triggered
            for mutant in [each for each in left if each.name in triggered]:
                if control.violation is not None:
                    continue
                if first_violation(law, mutant.mutate(transform), control.calls) is not None:
                    by = f"{law.id} of {subject.name}"
                    results[mutant.name] = SubtleResult(mutant.name, host, True, profile.name, by)
                    left.remove(mutant)
    for mutant in left:
        results[mutant.name] = SubtleResult(mutant.name, host, mutant.name in seen)
    order = [name for name in SUBTLE if name in results]
    return [results[name] for name in order]


def _items(host: str, profile: Profile) -> Iterator[tuple[Law, Subject]]:
    """The laws and subjects that a run of the profile checks, of the few subjects tried."""
    transform = TRANSFORMS[host]
    for law in LAWS.values():
        for subject in map(SUBJECTS.__getitem__, SUBJECTS_TRIED):
            if isinstance(subject, ModuleSubject) is not HOSTS[host]:
                continue
            if not law.applies_to(transform, subject):
                continue
            if sampling.not_sampled_reason(law, transform, subject, profile):
                continue
            if law.skip_reason(transform, subject) is None:
                yield law, subject
