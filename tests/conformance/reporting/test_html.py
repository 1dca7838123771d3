"""The HTML page: nothing left out, nothing let in; well-formed, and of use without eyes or JavaScript.

How it behaves in a browser is in ``test_html_in_browser.py``.
"""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest

from conformance.reporting.html import page as run_page
from conformance.reporting.html.runs import Run
from conformance.reporting.summary import summarise
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Difference, Distance, Reproducer
from conformance.upgrade.html import page as comparison_page
from tests.conformance.conftest import ENVIRONMENT
from tests.conformance.logs import EventLog, to_records

HOSTILE = """</pre></script><script>alert(1)</script><b class="x">'&lt; {{ 7 * 7 }}<img src=x onerror=1>"""
LAW = "mapping.equals-per-example"
VOID = {"meta", "input", "br", "link", "img", "hr"}
CALL = {
    "kind": "function",
    "subject_name": "square",
    "sizes": {"batch": 3, "m": 2},
    "axes": [{"in_axes": [None, -1], "out_axes": 0}],
    "dtype": "float32",
    "seed": 1,
}


def item(subject: str, outcome: str, **detail: Any) -> dict[str, Any]:
    names = {"law": LAW, "transform": "jax.vmap", "subject": subject}
    return {**names, "outcome": outcome, "seconds": 1.0, "detail": detail or None}


def violated(subject: str) -> dict[str, Any]:
    shown = {
        "call": CALL,
        "what": "map",
        "path": "",
        "expected": "float32[3]",
        "got": HOSTILE,
        "cause": f"cause {HOSTILE}",
    }
    ulps = {"max_ulps": float("inf"), "error": 0.5, "bound": 2e-7}
    script = f"print({subject!r})\n{HOSTILE}"
    return item(subject, "violated", message=f"message {HOSTILE}", script=script, **shown, **ulps)


RESULTS = [
    item("dot-product", "holds"),
    violated("square"),
    violated("linear"),
    item("matmul", "crashed", reason="the process died", output=f"\x1b[31mFatal\udc80 {HOSTILE}"),
    item("sort", "timed-out", reason="no result within 120 s", output=""),
    item("softmax", "not-applicable", reason="takes one argument", source="suite"),
    item("relu", "not-sampled", reason="one in 3 of the subjects", source="suite"),
    {
        **item("square", "known-defect", defect="pmap-negative-axis-wrong-answer"),
        "defect": "pmap-negative-axis-wrong-answer",
    },
]


def column(label: str, *results: dict[str, Any], problem: str | None = None) -> Column:
    log = EventLog(None, label[-4:])
    versions = {**ENVIRONMENT, "jax": label, "flax": None}
    run = {"suite": "0.1.0", "profile": "quick", "seed": 7, "shard": (1, 1), "command": ["run"]}
    log.write("header", schema=1, environment=versions, **run)
    for result in results:
        log.write("result", **{"examples": 2, "compilations": 3, **result})
    if problem is None:
        log.finish()
    records = to_records(log.events)
    return Column(label, problem, tuple(records), summarise(records))


def rendered(comparison: Comparison) -> str:
    if len(comparison.columns) > 1:
        return comparison_page.render(comparison)
    (shown,) = comparison.columns
    return run_page.render(Run(shown.label, shown.problem, shown.summary))


def differences() -> Differences:
    entries = [
        Difference(kind, f"{kind.id}/key", f"{kind.id} said {HOSTILE}", f"do {kind.id}")
        for kind in KINDS.values()
    ]
    follow = tuple(f"outputs/follows-{n}" for n in range(40))
    entries.append(
        Difference(KINDS["prng-stream-changed"], "prng/x", "moved", "keep", consequences=follow)
    )
    entries += [
        Difference(
            KINDS["values-changed"],
            f"outputs/{n}",
            "moved",
            "fine",
            detail=Distance(u, 0.5 if w else None),
        )
        for n, (u, w) in enumerate([(3.0, True), (0.0, True), (2e5, False), (float("inf"), False)])
    ]
    key = f"{LAW} | jax.vmap | square"
    entries.append(Difference(KINDS["regressed"], key, "held", "run it", detail=Reproducer("x")))
    return Differences(tuple(entries), 12, ("observations of two versions",))


SINGLE = Comparison((column("jax 0.10.2", *RESULTS),), ())
UPGRADE = Comparison(
    (
        column("jax 0.4.30", *(item(r["subject"], "holds") for r in RESULTS[:3])),
        column("jax 0.10.2", *RESULTS),
        column("jax 0.12.0", problem=f"no build {HOSTILE}"),
    ),
    (differences(), None),
)
PAGES = {"single": SINGLE, "upgrade": UPGRADE}


class Parsed(HTMLParser):
    """A page's elements, and the text in each that has an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.of_id, self.raw = "", {}, {}  # type: ignore[var-annotated]
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        assert any(name == "svg" for name, _ in self.open), f"<{tag}/> is not closed in HTML"
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        name, _ = self.open.pop()
        assert name == tag, f"</{tag}> closes <{name}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] in ("script", "style"):
            self.raw[self.open[-1][0]] = self.raw.get(self.open[-1][0], "") + data
            return
        self.text += data
        for _, attributes in self.open:
            if "id" in attributes:
                self.of_id[attributes["id"]] = self.of_id.get(attributes["id"], "") + data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> Parsed:
    return Parsed(rendered(PAGES[request.param]))


def test_ids_are_unique_and_every_reference_leads_somewhere(page: Parsed) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "data-copy"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
    assert {str(link["href"])[1:] for link in page.all("a")} <= set(ids)


def test_headings_are_in_order(page: Parsed) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_everything_has_a_name(page: Parsed) -> None:
    labelled = {label["for"] for label in page.all("label")}
    assert {control["id"] for control in page.all("input", "select")} <= labelled
    assert all(head.get("scope") for head in page.all("th"))
    named = [
        ("aria-label" in e or "aria-labelledby" in e) for e in page.all("section", "nav", "svg")
    ]
    assert all(named)
    assert ("html", {"lang": "en"}) in page.elements
    assert [len(page.all(landmark)) for landmark in ("header", "main", "h1")] == [1, 1, 1]


def test_nothing_comes_from_elsewhere(page: Parsed) -> None:
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "action", "style", "background"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert tag not in ("link", "iframe", "object", "base")
        assert str(attributes.get("href", "#")).startswith("#")
    assert not re.search(r"url\(|@import|https?:", page.raw["style"] + page.raw["script"])


def test_only_its_own_script_and_style_may_act(page: Parsed) -> None:
    (policy,) = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    hashes = {
        tag: base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        for tag in ("style", "script")
    }
    rules = [f"{tag}-src 'sha256-{digest}'" for tag, digest in hashes.items()]
    assert policy == "; ".join(["default-src 'none'", *rules])


def test_text_of_others_stays_text(page: Parsed) -> None:
    assert len(page.all("script")) == 1
    assert not page.all("b", "img")
    assert HOSTILE in page.text
    assert page.of_id[
        "detailed-0-0-script" if "detailed-0-0-script" in page.of_id else "detailed-1-0-script"
    ] == (f"print('square')\n{HOSTILE}")


def test_every_failure_is_told_in_full() -> None:
    parsed = Parsed(rendered(SINGLE))
    assert "4 faults: 4 of 5 checks fail" in parsed.text
    for place, subject in enumerate(["square", "linear"]):
        detailed = parsed.of_id[f"detailed-0-{place}"]
        for part in (
            f"violated {LAW}, jax.vmap of {subject}",
            "Mapping a function gives",
            "square with batch=3, m=2; in_axes=(None, -1), out_axes=0; float32",
            f"message {HOSTILE}",
            f"cause {HOSTILE}",
            "At the worst place: error 0.5, allowed 2e-07.",
        ):
            assert part in detailed
    assert "the process died" in parsed.text
    assert f"\\x1b[31mFatal\\udc80 {HOSTILE}" in parsed.text
    assert "no result within 120 s" in parsed.text
    assert "Known defect pmap-negative-axis-wrong-answer:" in parsed.text
    for result in RESULTS:
        is_listed = result["subject"] in parsed.of_id["items"]
        assert is_listed == (result["outcome"] != "not-sampled")
        assert result["outcome"] in parsed.of_id["matrix"]
    assert "1 more is not sampled" in parsed.of_id["items"]


def test_every_difference_is_told_with_what_to_do() -> None:
    parsed = Parsed(rendered(UPGRADE))
    for entry in differences().entries:
        group = parsed.of_id[f"move-1-{entry.kind.id}"]
        for part in (entry.key, entry.sentence, entry.remedy, *entry.consequences):
            assert part in group
    assert "40 changes follow from it" in parsed.text
    detailed = parsed.of_id["summary"]
    breaks = sum(entry.breaks for entry in differences().entries)
    assert f"To jax 0.10.2: {breaks} differences need work." in detailed
    assert "Not compared: observations of two versions." in detailed
    assert f"jax 0.12.0 did not run: no build {HOSTILE}" in detailed
    assert "did not run" in parsed.of_id["matrix"]
    assert "#detailed-1-0" in [link["href"] for link in parsed.all("a")]
    order = [id for id in parsed.of_id if id.startswith("move-1-") and not id.endswith("title")]
    assert order == [f"move-1-{kind}" for kind in KINDS]


def test_drift_is_a_picture_and_a_table() -> None:
    parsed = Parsed(rendered(UPGRADE))
    assert len(parsed.all("circle")) == 2
    assert [rect["class"] for rect in parsed.all("rect")].count("beyond") == 2
    assert all(
        0 <= float(c["cx"] or -1) <= 340 and 0 <= float(c["cy"] or -1) <= 190
        for c in parsed.all("circle")
    )
    assert parsed.of_id["drift-1-name"]
    assert "From inf ULP at outputs/3 down to 0 ULP at outputs/1" in parsed.of_id["drift-1-words"]
    assert all(f"outputs/{n}" in parsed.of_id["move-1"] for n in range(4))


def test_a_good_run_says_so_and_no_other() -> None:
    good = Parsed(rendered(Comparison((column("jax 1", RESULTS[0]),), ())))
    assert "1 check holds." in good.text
    assert "Counterexamples" not in good.text
    stopped = Parsed(rendered(Comparison((column("jax 1", problem="it was killed"),), ())))
    assert "Nothing ran." in stopped.text
    assert "it was killed" in stopped.text
    part = column("jax 1", RESULTS[0])
    part = attrs.evolve(part, summary=summarise(part.events[:-1]))
    assert "The run did not come to its end." in Parsed(rendered(Comparison((part,), ()))).text
    same = Comparison((column("a", RESULTS[0]),) * 2, (Differences((), 5),))
    assert "To a: no difference." in Parsed(rendered(same)).text


def test_a_run_of_many_items_stays_small() -> None:
    many = [{**item(f"subject-{n}", "holds"), "law": LAW} for n in range(800)]
    broken = [{**violated(f"broken-{n}")} for n in range(20)]
    for one in broken:
        one["detail"]["script"] = "x = 1  # comment\n" * 1000
    text = rendered(Comparison((column("jax 1", *many, *broken),), ()))
    assert len(text.encode()) < 1_500_000


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(scheme: int) -> None:
    style = Parsed(rendered(SINGLE)).raw["style"]
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    on = [(ink, ground) for ink in ("ink", "quiet", "link") for ground in ("page", "card", "code")]
    on += [(ink, f"{ink}-card") for ink in ("good", "bad", "odd", "new")]
    on += [(ink, ground) for ink in ("bad", "odd", "new", "good") for ground in ("page", "card")]
    on += [("ink", f"{kind}-card") for kind in ("good", "bad")] + [("link", "bad-card")]
    for ink, ground in on:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{ink} on {ground}"
