"""The page: it stands alone, says everything the run holds, and is the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import matplotlib as mpl
import pytest

from reports import page, view
from scenarios.record import RunFolderError

VOID = {"meta", "br", "path", "use", "rect", "image"}


class Reader(HTMLParser):
    """Collects what a browser would load, the ids, the text, and whether tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value] += 1
            if name in {"src", "href", "xlink:href", "data", "action"}:
                self.links.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


CASES = {
    "usual": {},
    "dense": {"exceptions": 3000, "days": 60},
    "no oracle": {"exceptions": 40, "days": 14, "arms": ("clean", "unmanaged", "managed")},
    "unmanaged alone": {"exceptions": 30, "days": 7, "arms": ("unmanaged",)},
    "nothing wrong": {"exceptions": 0},
    "one day": {"exceptions": 5, "days": 1},
    "replications": {"replications": 3},
}


@pytest.mark.parametrize("case", CASES)
def test_page_stands_alone(make_run, case):
    text = page.write(make_run(**CASES[case])).read_text(encoding="utf-8")
    read = Reader(text)
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(read.tags)
    assert all(link.startswith("#") for link in read.links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert [name for name, number in read.ids.items() if number > 1] == []
    assert {link[1:] for link in read.links} <= set(read.ids)
    assert "nan" not in re.findall(r"[a-z]+", read.text.lower())


@pytest.mark.parametrize("case", CASES)
def test_every_measure_is_shown_with_its_reason(make_run, case):
    folder = make_run(**CASES[case])
    shown = " ".join(Reader(page.write(folder).read_text(encoding="utf-8")).text.split())
    for name, measure in view.load(folder).measures.items():
        of_arm = name.startswith("business.") and name.count(".") > 1
        written = f"business.ARM.{name.rpartition('.')[2]}" if of_arm else name.replace("detection.loop.", "detection.")
        assert written in shown
        assert measure.reason in shown
    assert "3 dozens" in shown.replace("\u00a0", " ") or case == "nothing wrong"


def test_page_is_a_function_of_the_run(make_run):
    folder = make_run(exceptions=60)
    first = page.write(folder).read_bytes()
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "text.usetex": False}):
        assert page.write(folder).read_bytes() == first
    assert page.write(make_run(exceptions=60)).read_bytes() == first


def test_writing_renews_the_manifest(make_run):
    folder = make_run(exceptions=20)
    path = page.write(folder)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert files["report.html"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [child.name for child in folder.iterdir() if child.name.startswith(".")] == []


def test_what_comes_from_a_run_is_escaped(make_run):
    evil = "<script>alert(1)</script>$x^2$"
    folder = make_run(exceptions=20, config={"scenario": evil, "policy": {"name": evil}})
    text = page.write(folder).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "nothing &lt;b&gt;waits&lt;/b&gt; &amp; there" in text


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError):
        page.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_headline_of_a_calm_run_counts_false_alarms(make_run):
    run = view.load(make_run(exceptions=0))
    name = "detection.false_alarms_per_location_day"
    measures = {name: view.Measure(name, 0.01, "alarms/location-day", n=3)}
    assert page.headline(replace(run, measures=measures)) == "Quickstart: nothing went wrong, three false alarms"
    assert page.headline(replace(run, measures={})) == "Quickstart: nothing went wrong, no false alarm"


@pytest.mark.parametrize(
    ("recovered", "expected"),
    [(0.535, "54% of what was reachable recovered"), (-0.2, "the operator added 20% to the loss")],
)
def test_headline_tells_the_result(make_run, recovered, expected):
    run = view.load(make_run(exceptions=10))
    measures = dict(run.measures)
    measures["business.recovery"] = view.Measure("business.recovery", recovered, "ratio")
    measures["business.recovery_of_reachable"] = view.Measure("business.recovery_of_reachable", recovered, "ratio")
    assert page.headline(replace(run, measures=measures)) == f"Quickstart: {expected}"


def test_the_realism_card_has_a_section_of_its_own(make_run):
    folder = make_run(exceptions=10, config={"calibrated_to": "retail"}, gauges={"wrong_price": (1000, 31)})
    text = page.write(folder).read_text(encoding="utf-8")
    card = re.sub("<[^>]*>", " ", text.split('<h2 id="realism">')[1].split("<h2")[0])
    assert "two figures inside the band" in card
    told = ("wrong price at the till", "3.1%", "1.5% to 5.0%", "FTC/NIST", "inside", "emergent",
            "1,000 till lines", "few")
    assert all(word in card for word in told)
    assert "not measured in this run" in card
    assert "off the usual rates on purpose" in page.write(make_run(exceptions=10)).read_text(encoding="utf-8")
