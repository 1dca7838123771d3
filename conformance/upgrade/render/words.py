"""What both the terminal and Markdown say of a comparison."""

import re
import textwrap
from collections import Counter
from collections.abc import Sequence

from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.reporting.summary import ORDER, SHORT
from conformance.upgrade.causes import Cause
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.for_you import Early, ForYou
from conformance.upgrade.for_you.names import NEITHER
from conformance.upgrade.kinds import Urgency

SECTIONS: dict[Urgency, str] = {"work": "NEEDS WORK", "know": "TO KNOW", "fine": "FINE"}
LONGEST = 240
"""Characters of a sentence on the first screen."""
_AT_END = re.compile(r" \([^()]*\)$")


def heading(first: Column, column: Column) -> str:
    """Such as `jax 0.9.0, flax 0.12.3 to jax 0.10.2, flax 0.12.8, Python 3.11.7`."""
    start, comma, python = first.label.rpartition(", ")
    same = comma and column.label.endswith(comma + python)
    return f"{start if same else first.label} to {column.label}"


def things_to_do(mine: ForYou | Early) -> str:
    """Such as `2 things to do`."""
    count = mine.things_to_do
    if not count and any(line.sentence.startswith(NEITHER) for line in mine.know):
        return "nothing changes, but your code uses what neither has"
    return "nothing to do" if not count else f"{count} thing{'' if count == 1 else 's'} to do"


def elsewhere_in_words(found: Sequence[Cause]) -> str:
    """What differs in the libraries and is not about the user's code: what breaks, then how much else."""
    items: Counter[str] = Counter()
    for cause in found:
        items[cause.kind.id] += len(cause.entries)
    breaking = {id: kind for id, kind in KINDS.items() if items[id] and kind.urgency == "work"}
    parts = [f"{items[id]} {kind.counted[items[id] != 1]}" for id, kind in breaking.items()]
    others = items.total() - sum(items[id] for id in breaking)
    if others:
        parts.append(
            f"{others} difference{'s' * (others != 1)} that break{'s' * (others == 1)} nothing"
        )
    return ", ".join(parts) or "no difference"


ALSO_TO_KNOW = "Also to know"
"""What tells the lines after it from those of what there is to do."""
ELSEWHERE = "in JAX and Flax, not met in your files"
NEAR = "changes of calls made of names that your files use; whether yours are such is not known"


def shortened(sentence: str) -> str:
    """The sentence on two or three lines: cut after a word, but for what it says in brackets at its end."""
    text = " ".join(sentence.split())
    if len(text) <= LONGEST:
        return text
    end = _AT_END.search(text)
    kept = end[0] if end else ""
    return textwrap.shorten(text.removesuffix(kept), LONGEST - len(kept), placeholder=" ...") + kept


def laws(comparison: Comparison) -> list[str]:
    """The laws of all environments, in their order."""
    return list(dict.fromkeys(law for c in comparison.columns for law in c.summary.laws))


def outcomes(column: Column, law: str) -> str:
    """How many items of a law had which outcome; only what does not conform, where anything does not."""
    counts = Counter(r.outcome for r in column.summary.results if r.law == law)
    if not counts:
        return "did not run" if column.problem else "-"
    wrong = [name for name in ORDER if counts[name] and name not in CONFORMING]
    shown = wrong or [name for name in ORDER if counts[name] and name not in NOT_CHECKED]
    return ", ".join(f"{counts[name]} {SHORT.get(name, name)}" for name in shown or counts)


def looked_at(differences: Differences) -> str:
    """What was compared, with its counts: such as `2,310 checks of laws; 68 draws, 256 calls`."""
    counts = dict(differences.looked_at)
    of_laws = counts.pop("laws", 0)
    parts = [f"{of_laws:,} check{'s' * (of_laws != 1)} of laws"] if of_laws else []
    groups = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return "; ".join([*parts, groups] if groups else parts)
