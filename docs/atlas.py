"""The defect atlas: `defects.md` and the badges, made from the ledger by `docs/make_pages.py`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from conformance.events import details
from conformance.events.arrays import encode
from conformance.events.outcomes import EFFECTS
from conformance.known_defects import DEFECTS
from conformance.known_defects.defect import Defect
from conformance.known_defects.effects import effect
from conformance.reporting.failure import call_in_words
from properties.call_json import to_json

HERE = Path(__file__).parent
SCRIPTS = HERE / "defects"
TRIED = SCRIPTS / "verified.json"
"""On which releases each script failed and passed: made by `docs/make_defect_scripts.py --verify`."""
LEDGER = SCRIPTS / "ledger.json"
"""What came of every defect's minimal call on whole releases: made by `docs/try_ledger.py`."""
OUTCOMES = {
    "fails": "fails on",
    "dies": "ends the process on",
    "passes": "passes on",
    "cannot run": "cannot run on",
}
FLOORS = {"jax": "0.4.30", "flax": "0.8.5"}
"""The oldest supported releases: of older ones nothing is known."""
MARKS = {"silently wrong": "**W**", "process dies": "**D**", "raises": "R", "unclear error": "U"}
COLOURS = {"silently wrong": "red", "process dies": "red", "raises": "orange"}

HEAD = """# The defect atlas

Made by `python docs/make_pages.py` from the ledger, `conformance/known_defects/`.

Violations of the laws in released JAX and Flax, each found by this suite and kept with a minimal call.
`vmap-conformance list defects` prints the same. A run of an affected release checks that each still
shows, so a range that is too wide turns up as `fixed-defect`.

| mark | what the defect does to a user |
|---|---|
| **W** | silently wrong: a wrong answer without a word |
| **D** | the process dies |
| R | raises: what should work stops with an error |
| U | unclear error: what should raise does, but does not say what is wrong |
| (empty) | not affected |

**What was measured.** A range begins and ends where the ledger's version specifiers say. `>=0.4.30`
and `<` a release mean that the oldest supported release has it: older ones were not measured. No upper
end means that no release known to the ledger has it fixed. A column stands for its release and those up to
the next column. Defects that only one platform shows name it. What whole releases say is under
[releases](releases.md).
"""


MEASURED = """## The ledger on whole releases

`python docs/try_ledger.py` runs the minimal call of every defect, in its range or not; Flax is that of the
release's day. Defects that end the process, or are of a GPU, are left out. A call that another defect
of the release affects, too, does not count as out of range.
"""


def page() -> str:
    """The atlas."""
    of_jax = [d for d in DEFECTS if "jax" in d.versions]
    of_flax = [d for d in DEFECTS if "jax" not in d.versions]
    parts = [
        HEAD,
        _matrix("jax", of_jax),
        _matrix("flax", of_flax),
        _measured(),
        "## Each defect\n",
    ]
    parts += [_entry(d) for name in EFFECTS for d in DEFECTS if effect(d) == name]
    return "\n".join(parts)


def badges() -> dict[Path, str]:
    """An endpoint badge for each release of JAX at which something changes."""
    of_jax = [d for d in DEFECTS if "jax" in d.versions and d.platform in (None, "cpu")]
    made = {}
    for release in _releases("jax", of_jax):
        there = [effect(d) for d in of_jax if _has(d, "jax", release)]
        worst = next((name for name in EFFECTS if name in there), None)
        wrong = sum(name in ("silently wrong", "process dies") for name in there)
        made[HERE / "badges" / f"jax-{release}.json"] = (
            json.dumps(
                {
                    "schemaVersion": 1,
                    "label": f"jax {release} maps",
                    "message": f"{len(there)} known defects, {wrong} dangerous",
                    "color": COLOURS.get(worst or "", "yellow") if there else "brightgreen",
                },
                indent=2,
            )
            + "\n"
        )
    return made


def _releases(package: str, defects: list[Defect]) -> list[str]:
    """The releases at which a defect begins or ends, the oldest supported one first."""
    named = {FLOORS[package]}
    for defect in defects:
        for each in SpecifierSet(defect.versions[package]):
            named.add(each.version)
    versions = sorted({Version(name) for name in named})
    oldest = Version(FLOORS[package])
    return [f"{v.major}.{v.minor}.{v.micro}" for v in versions if v >= oldest]


def _has(defect: Defect, package: str, release: str) -> bool:
    return SpecifierSet(defect.versions[package]).contains(release, prereleases=True)


def _matrix(package: str, defects: list[Defect]) -> str:
    releases = _releases(package, defects)
    title = {"jax": "JAX", "flax": "Flax"}[package]
    lines = [f"## By release of {title}\n"]
    lines.append(f"| defect | {' | '.join(releases)} |")
    lines.append("|---" * (len(releases) + 1) + "|")
    order = sorted(defects, key=lambda d: EFFECTS.index(effect(d)))
    for defect in order:
        cells = [MARKS[effect(defect)] if _has(defect, package, r) else " " for r in releases]
        lines.append(f"| [{defect.id}](#{defect.id}) | {' | '.join(cells)} |")
    totals = [str(sum(_has(d, package, r) for d in defects)) for r in releases]
    lines.append(f"| *known defects* | {' | '.join(totals)} |")
    return "\n".join(lines) + "\n"


def _entry(defect: Defect) -> str:
    call = msgspec.convert(encode(to_json(defect.call)), details.Call)
    lines = [
        f"### {defect.id}",
        "",
        f"*{effect(defect)}*, `{defect.transform}`: {defect.description}",
        "",
    ]
    lines.append(f"- Law: `{defect.law}`")
    lines.append(f"- Releases: {_ranges(defect.versions)}")
    if defect.platform:
        lines.append(f"- Only on the platform `{defect.platform}`")
    lines.append(f"- Minimal call: {call_in_words(call)}")
    script = SCRIPTS / f"{defect.id}.py"
    if script.exists():
        lines.append(f"- Minimal script: [{script.name}](defects/{script.name})")
        lines += _tried(defect)
    lines.append(f"- Upstream: {_linked(defect.upstream)}")
    return "\n".join(lines) + "\n"


def _measured() -> str:
    """For each release on which all minimal calls were run: what showed, in its range and not."""
    kept = json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.exists() else {}
    if not kept:
        return ""
    lines = [MEASURED]
    lines.append(
        "| jax | flax | in range, and shows | in range, and cannot run "
        "| in range, and does not show | not in range, and shows |"
    )
    lines.append("|---" * 6 + "|")
    for release in sorted(kept, key=Version):
        versions = {"jax": release, "flax": kept[release]["flax"]}
        calls: dict[str, str] = kept[release]["calls"]
        there = [d for d in DEFECTS if d.id in calls and d.applies_to(versions)]
        shown = [d for d in there if calls[d.id] == "shows"]
        unable = [d.id for d in there if calls[d.id] == "cannot run"]
        gone = [d.id for d in there if calls[d.id] == "does not show"]
        beyond = [d for d in DEFECTS if d not in there and calls.get(d.id) == "shows"]
        new = [d.id for d in beyond if not any(map(_affected_by(d), there))]
        names = [", ".join(ids) for ids in (unable, gone, new)]
        cells = [release, versions["flax"], str(len(shown)), *names]
        lines.append(f"| {' | '.join(cell or ' ' for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _affected_by(defect: Defect) -> Callable[[Defect], bool]:
    """Whether another defect explains that this one's call shows."""
    return lambda other: (
        other.may_affect(defect.law, defect.transform) and bool(other.affects(defect.call))
    )


def _tried(defect: Defect) -> list[str]:
    """What came of the script on the releases that it was run on; the oldest first."""
    kept = json.loads(TRIED.read_text(encoding="utf-8")) if TRIED.exists() else {}
    tried: dict[str, str] = kept.get(defect.id, {})
    ordered = sorted(tried, key=lambda release: [Version(v) for v in release.split()[1::3]])
    words = []
    for outcome, said in OUTCOMES.items():
        releases = [release for release in ordered if tried[release] == outcome]
        words += [f"{said} {', '.join(releases)}"] if releases else []
    return [f"- Tried: the script {'; '.join(words)}"] if words else []


def _ranges(versions: Mapping[str, str]) -> str:
    return "; ".join(f"{package} {_range(package, spec)}" for package, spec in versions.items())


def _range(package: str, specifiers: str) -> str:
    found = {each.operator: each.version for each in SpecifierSet(specifiers)}
    first = (
        found.get(">=") or found.get("==") or f"{FLOORS[package]} (older ones were not measured)"
    )
    if "==" in found:
        return f"{first} alone"
    last = f"up to but without {found['<']}" if "<" in found else "and all later ones known"
    without = f", without {found['!=']}" if "!=" in found else ""
    if first == FLOORS[package]:
        first += " (older ones were not measured)"
    return f"from {first} {last}{without}"


def _linked(words: str) -> str:
    return " ".join(
        f"<{w}>" if w.startswith("https://") and w[-1].isalnum() else w for w in words.split()
    )
