"""Which law kills which mutant: every law must be able to fail, every fault must be noticed."""

from collections.abc import Iterable
from pathlib import Path

import attrs
import click

from conformance import startup

SUBJECTS = {
    False: ("matrix-add", "linear", "softmax"),
    True: ("dense", "batch-norm", "dropout", "gru-cell"),
}
"""Subjects that together reach every law, for functions and for modules."""

HOSTS = {
    "mapping": "jax.vmap",
    "axes": "jax.vmap",
    "parallel": "jax.pmap",
    "sharing": "flax.linen.vmap",
}
"""The transform that carries the fault, by the law's group."""


@attrs.frozen
class Kill:
    """One law against one mutant: the subject and call that showed the fault, if any did."""

    law: str
    mutant: str
    subject: str | None


def kills(laws: Iterable[str] = (), mutants: Iterable[str] = ()) -> list[Kill]:
    """Hold every mutant to every law of its kind, or to those chosen."""
    from conformance.transforms import TRANSFORMS
    from properties.laws import LAWS
    from properties.mutants import MUTANTS

    return [
        Kill(law.id, mutant.name, _killer(law, mutant.mutate(TRANSFORMS[host]), mutant.lifts))
        for law in LAWS.values()
        if not laws or law.id in laws
        for mutant in MUTANTS.values()
        if (not mutants or mutant.name in mutants)
        and mutant.lifts == ((host := HOSTS[law.id.split(".")[0]]) == "flax.linen.vmap")
    ]


def _killer(law, transform, lifts):  # type: ignore[no-untyped-def]
    from properties.hold import hold
    from properties.profiles import PROFILES
    from properties.subjects import SUBJECTS as ALL

    for name in SUBJECTS[lifts]:
        subject = ALL[name]
        if not law.concerns(transform, subject) or law.not_applicable(transform, subject):
            continue
        # Small is enough: a fault that needs many calls to be seen is one that users will not see.
        profile = attrs.evolve(PROFILES["quick"], examples=4, shapes=3)
        if hold(law, transform, subject, profile, shrink=False).violation is not None:
            return name
    return None


def table(found: list[Kill]) -> str:
    """Markdown: mutants by laws; the subject that showed the fault, or a dash."""
    parts = []
    for lifts, title in ((False, "Faults of mapping"), (True, "Faults of lifting")):
        rows = [k for k in found if (HOSTS[k.law.split(".")[0]] == "flax.linen.vmap") == lifts]
        if not rows:
            continue
        laws = list(dict.fromkeys(k.law for k in rows))
        parts += [f"## {title}", "", "| mutant | " + " | ".join(f"`{law}`" for law in laws) + " |"]
        parts.append("|---" * (len(laws) + 1) + "|")
        by_pair = {(k.law, k.mutant): k.subject for k in rows}
        for mutant in dict.fromkeys(k.mutant for k in rows):
            cells = (by_pair.get((law, mutant)) or "-" for law in laws)
            parts.append(f"| {mutant} | " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts)


def totals(found: list[Kill]) -> str:
    """One sentence: how many pairs, mutants and laws."""
    killed = [k for k in found if k.subject]
    mutants, laws = {k.mutant for k in found}, {k.law for k in found}
    return (
        f"{len(killed)} of {len(found)} pairs of law and mutant are kills; "
        f"{len({k.mutant for k in killed})} of {len(mutants)} mutants are killed by some law, "
        f"{len({k.law for k in killed})} of {len(laws)} laws kill some mutant."
    )


HEAD = """# The kill matrix

Every law is held to broken transforms (`properties/mutants.py`). A cell names the subject on which
the law noticed the fault; a dash says that the law has nothing to say about it. Made by
`vmap-conformance mutants --markdown docs/kill-matrix.md`.

"""


@click.command()
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def mutants(markdown: Path | None) -> int:
    """Hold broken transforms to the laws: which law kills which mutant."""
    startup.prepare()
    found = kills()
    text = HEAD + totals(found) + "\n\n" + table(found)
    if markdown is None:
        click.echo(text)
    else:
        markdown.write_text(text, encoding="utf-8")
        click.echo(totals(found))
    killed = {k.mutant for k in found if k.subject}, {k.law for k in found if k.subject}
    return 0 if killed == ({k.mutant for k in found}, {k.law for k in found}) else 1
