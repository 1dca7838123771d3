"""The HTML page in headless Chromium, driven over the pipe of its own DevTools protocol."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.summary import summarise
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Difference, Distance, Reproducer
from conformance.upgrade.html import page as page_of_comparison
from tests.conformance.conftest import ENVIRONMENT
from tests.conformance.logs import EventLog, to_records

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BINARY = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BINARY is None, reason=f"none of {', '.join(NAMES)} is on PATH")

LAW = "mapping.equals-per-example"
SCRIPT = "print('<they differ>')\nprint('by & much')\n"
LONG = "A" * 300
# Chromium reads from 3 and writes to 4.
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
PROBLEMS = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")


class Browser:
    """Chromium with one page open at a time."""

    def __init__(self, profile: Path) -> None:
        given, self._to = os.pipe()
        self._from, answers = os.pipe()
        # Without a sandbox it also runs as root in a container.
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        flags += ["--remote-debugging-pipe", "--no-first-run", f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(given), str(answers), str(BINARY), *flags],
            pass_fds=(given, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(given)
        os.close(answers)
        self._number, self._rest, self._session = 0, b"", {}  # type: ignore[var-annotated]
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **params: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            assert select.select([self._from], [], [], 120)[0], "Chromium does not answer"
            data = os.read(self._from, 1 << 16)
            assert data, "Chromium ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(
        self, page: Path, width: int = 800, scheme: str = "light", scripts: bool = True
    ) -> None:
        self._session = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        self.events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def js(self, expression: str) -> Any:
        how = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", expression=expression, **how)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def said(self, *methods: str) -> list[Any]:
        return [event["params"] for event in self.events if event["method"] in methods]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.process.kill()
    browser.process.wait()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two environments; the second breaks a law for one subject, and has long words."""
    call = {"kind": "function", "subject_name": "square", "sizes": {"batch": 3}, "dtype": "float32"}
    detail = {
        "call": {**call, "axes": [{"in_axes": [0], "out_axes": 0}], "seed": 1},
        "what": "map",
        "path": "",
        "message": f"values differ {LONG}",
        "expected": LONG,
        "got": f"{LONG}\n" * 30,
        "cause": None,
        "script": SCRIPT + LONG,
        **dict.fromkeys(("max_ulps", "error", "bound"), 2.0),
    }
    columns = []
    for label in ("jax 0.4.30, flax 0.8.5, Python 3.10.13", "jax 0.10.2, flax 0.12.8"):
        log = EventLog(None)
        environment = {**ENVIRONMENT, "jax": label, "numpy": LONG}
        run = {"suite": "0.1.0", "profile": "quick", "seed": 7, "shard": (1, 1), "command": ["run"]}
        log.write("header", schema=1, environment=environment, **run)
        for subject in ("square", "sort", "linear", "matmul"):
            wrong = subject == "square" and bool(columns)
            names = {"law": LAW, "transform": "jax.vmap", "subject": subject}
            outcome = (
                {"outcome": "violated", "detail": detail}
                if wrong
                else {"outcome": "holds", "detail": None}
            )
            log.write("result", **names, **outcome, examples=2, compilations=0, seconds=1.0)
        log.finish()
        records = to_records(log.events)
        columns.append(Column(label, None, tuple(records), summarise(records)))
    moved = Distance(3.0, 0.5)
    entries = (
        Difference(
            KINDS["regressed"],
            f"{LAW} | jax.vmap | square",
            f"violated now {LONG}",
            "run it",
            detail=Reproducer(detail["script"]),
        ),
        Difference(
            KINDS["prng-stream-changed"],
            "prng/x",
            "moved",
            "keep",
            consequences=tuple(map(str, range(30))),
        ),
        *(
            Difference(KINDS["values-changed"], f"outputs/{LONG}/{n}", "moved", "ok", detail=moved)
            for n in range(12)
        ),
    )
    path = tmp_path_factory.mktemp("page") / "page #1.html"
    path.write_text(
        page_of_comparison.render(Comparison(tuple(columns), (Differences(entries, 3),))), "utf-8"
    )
    return path


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_nothing_complains(
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    browser.open(page, width, scheme)
    for folded in ("", "document.querySelectorAll('details').forEach((d) => (d.open = true));"):
        assert browser.js(f"{folded} innerWidth") == width
        root = "document.documentElement"
        assert browser.js(f"{root}.scrollWidth - {root}.clientWidth") == 0
    assert browser.said(*PROBLEMS) == []
    assert [sent["request"]["url"] for sent in browser.said("Network.requestWillBeSent")] == [
        page.as_uri()
    ]


def test_the_scheme_changes_ground_and_ink(browser: Browser, page: Path) -> None:
    seen = []
    for scheme in ("light", "dark"):
        browser.open(page, scheme=scheme)
        style = "getComputedStyle(document.body)"
        seen += [browser.js(f"{style}.backgroundColor"), browser.js(f"{style}.color")]
    assert len(set(seen)) == 4


SHOWN = "[...document.querySelectorAll('[data-kind]')].filter((e) => e.checkVisibility())"


def choose(browser: Browser, words: str, kind: str = "") -> int:
    browser.js(
        f"words.value = {json.dumps(words)}; kind.value = {json.dumps(kind)};"
        "words.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    return browser.js(f"{SHOWN}.length")


def test_search_and_filter_show_what_fits_and_say_how_much(browser: Browser, page: Path) -> None:
    browser.open(page)
    total = 14 + 1 + 4
    count = "document.getElementById('count').textContent"
    assert browser.js(count) == f"{total} entries"
    # The list that was folded opens, groups without an entry that fits go.
    assert choose(browser, "OUTPUTS/ moved") == 12
    assert browser.js(count) == f"12 of {total} entries fit"
    assert browser.js("document.getElementById('items').checkVisibility()") is False
    assert choose(browser, "", "violated") == 2
    assert choose(browser, "", "holds") == 4
    assert choose(browser, "sort", "holds") == 1
    assert choose(browser, "sort", "violated") == 0
    assert browser.js("document.getElementById('nothing').checkVisibility()") is True
    browser.js("new Promise((done) => { words.form.reset(); setTimeout(done); })")
    assert browser.js(count) == f"{total} entries"
    assert browser.js("document.getElementById('nothing').checkVisibility()") is False


def test_a_link_opens_what_is_folded_and_brings_back_what_is_filtered(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    choose(browser, "sort")
    detailed = "document.getElementById('detailed-1-0')"
    assert browser.js(f"{detailed}.checkVisibility()") is False
    law = f"document.getElementById('law-{LAW}')"
    for place, node in (("detailed-1-0", detailed), (f"law-{LAW}", law)):
        browser.js(
            "new Promise((done) => { addEventListener('hashchange', () => done());"
            f"location.hash = '{place}'; }})"
        )
        assert browser.js(f"{node}.checkVisibility()") is True


def test_the_script_is_copied_as_it_is(browser: Browser, page: Path) -> None:
    browser.open(page)
    allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    browser.call("Browser.grantPermissions", permissions=allowed)
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
    detailed = browser.js(
        "new Promise((done) => { const said = document.getElementById('said');"
        "new MutationObserver(() => done(said.textContent)).observe(said, {childList: true});"
        "document.querySelector('[data-copy]').click(); })"
    )
    assert detailed == "Copied"
    assert browser.js("navigator.clipboard.readText()") == SCRIPT + LONG


def test_without_javascript_everything_is_there_and_no_control_that_is_dead(
    browser: Browser, page: Path
) -> None:
    browser.open(page, scripts=False)
    document = browser.call("DOM.getDocument")["root"]["nodeId"]

    def drawn(selector: str) -> list[bool]:
        found = browser.call("DOM.querySelectorAll", nodeId=document, selector=selector)["nodeIds"]
        assert found
        trees = [browser.call("CSS.getComputedStyleForNode", nodeId=node) for node in found]
        styles = [{p["name"]: p["value"] for p in tree["computedStyle"]} for tree in trees]
        return [style["display"] != "none" for style in styles]

    browser.call("DOM.enable")
    browser.call("CSS.enable")
    assert not any(drawn("form, .needs-script"))
    assert all(drawn("[data-kind], [data-group], details, pre"))


def test_a_keyboard_reaches_the_content_first_and_sees_where_it_is(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
        )
    assert browser.js("document.activeElement.className") == "skip"
    assert browser.js("document.activeElement.getBoundingClientRect().top") >= 0
    assert browser.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_screen_reader_finds_landmarks_and_names(browser: Browser, page: Path) -> None:
    browser.open(page)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            name = node.get("name", {}).get("value", "")
            named.setdefault(node["role"]["value"], []).append(name)
    assert {"banner", "navigation", "main", "search", "status", "table", "rowheader"} <= set(named)
    for role in ("navigation", "region", "searchbox", "combobox", "button", "link", "image"):
        assert all(named[role]), role
    assert (
        "Largest difference of each changed observation, in ULPs, on a log scale" in named["image"]
    )
