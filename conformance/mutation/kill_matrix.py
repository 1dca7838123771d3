"""Which law kills which mutant: every law must be able to fail, every fault must be noticed."""

from collections.abc import Iterable
from typing import Any

import attrs

SUBJECTS = {
    False: (
        "matrix-add",
        "linear",
        "softmax",
        "mlp-loss",
        "psum",
        "pmean",
        "ppermute",
        "axis-index",
        "draw-bits",
        "draw-bits-rbg",
    ),
    True: (
        "dense",
        "batch-norm",
        "dropout",
        "noisy-dense",
        "gru-cell",
        "partitioned-dense",
        "accumulator",
    ),
}
"""Subjects that together reach every law, for functions and for modules."""

HOSTS = {
    "mapping": "jax.vmap",
    "axes": "jax.vmap",
    "nesting": "jax.vmap",
    "gradients": "jax.vmap",
    "collectives": "jax.vmap",
    "errors": "jax.vmap",
    "randomness": "jax.vmap",
    "parallel": "jax.pmap",
    "sharing": "flax.linen.vmap",
}
"""The transform that carries the fault, by the law's group, unless the law is about one alone."""


def host(law: Any) -> str:
    """The name of the transform that carries the faults which a law is to notice."""
    return law.only_transform or HOSTS[law.id.split(".")[0]]


def hosts(law: Any) -> tuple[str, ...]:
    """Every such transform: what is said of lifted modules is held against NNX, too."""
    also = ("flax.nnx.vmap",) if law.id.startswith("sharing.") else ()
    return tuple(dict.fromkeys((host(law), *also)))


@attrs.frozen
class Kill:
    """One law against one mutant: the subject and call that showed the fault, if any did."""

    law: str
    mutant: str
    transform: str
    subject: str | None


def kills(
    laws: Iterable[str] = (), mutants: Iterable[str] = (), transforms: Iterable[str] = ()
) -> list[Kill]:
    """Hold every mutant to every law of its kind, or to those chosen."""
    from conformance.transforms import TRANSFORMS
    from properties.laws import LAWS
    from properties.mutants import MUTANTS
    from properties.subject import ModuleSubject

    return [
        Kill(
            law.id,
            mutant.name,
            name,
            _killed_by(law, mutant.mutate(TRANSFORMS[name]), mutant.lifts),
        )
        for law in LAWS.values()
        if not laws or law.id in laws
        for name in hosts(law)
        if not transforms or name in transforms
        for mutant in MUTANTS.values()
        if (not mutants or mutant.name in mutants)
        and mutant.lifts == (law.subjects is ModuleSubject)
        and TRANSFORMS[name].unavailable() is None
    ]


def _killed_by(law, transform, lifts):  # type: ignore[no-untyped-def]
    from properties.profile import PROFILES
    from properties.run_law import run_law
    from properties.subjects import SUBJECTS as ALL

    for name in SUBJECTS[lifts]:
        subject = ALL[name]
        if not law.applies_to(transform, subject) or law.skip_reason(transform, subject):
            continue
        # Small is enough: a fault that needs many calls to be seen is one that users will not see.
        profile = attrs.evolve(PROFILES["quick"], examples=4, shapes=3)
        if run_law(law, transform, subject, profile, shrink=False).violation is not None:
            return name
    return None


def table(found: list[Kill]) -> str:
    """Markdown: mutants by laws; the subject that showed the fault, or a dash."""
    parts = []
    for title in dict.fromkeys(_title(kill) for kill in found):
        rows = [kill for kill in found if _title(kill) == title]
        laws = list(dict.fromkeys(k.law for k in rows))
        parts += [f"## {title}", "", "| mutant | " + " | ".join(f"`{law}`" for law in laws) + " |"]
        parts.append("|---" * (len(laws) + 1) + "|")
        by_pair = {(k.law, k.mutant): k.subject for k in rows}
        for mutant in dict.fromkeys(k.mutant for k in rows):
            cells = (by_pair.get((law, mutant)) or "-" for law in laws)
            parts.append(f"| {mutant} | " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts)


def _title(kill: Kill) -> str:
    lifts = kill.law.startswith("sharing.")
    return f"Faults of lifting, in {kill.transform}" if lifts else "Faults of mapping"


def totals(found: list[Kill]) -> str:
    """One sentence: how many pairs, mutants and laws."""
    killed = [k for k in found if k.subject]
    mutants, laws = {k.mutant for k in found}, {k.law for k in found}
    return (
        f"{len(killed)} of {len(found)} triples of law, mutant and transform are kills; "
        f"{len({k.mutant for k in killed})} of {len(mutants)} mutants are killed by some law, "
        f"{len({k.law for k in killed})} of {len(laws)} laws kill some mutant."
    )
