"""Reports, from entries that a real analysis could have made."""

import json
import re
from html.parser import HTMLParser

import pytest
from acousticsense import Analysis, Chorus
from acousticsense.command.entries import Entry
from acousticsense.command.report import write_report

NASTY = 'music/<script>alert("1")</script> & | `x` [y](z).mp3'
VOID = {"meta", "br", "rect", "path", "img", "input"}


def analysis(genre, confidence):
    return Analysis("id", "now", [], genre, confidence)


def chorus(*intervals, length=180.0):
    def segment(start, end, sure):
        return {
            "interval": [start, end],
            **dict.fromkeys(("start_prob", "end_prob"), 0.9),
            "chorus_prob": sure,
            "duration": end - start,
            "res_duration": length - start,
        }

    found = [segment(*each, 0.9 - index / 10) for index, each in enumerate(intervals)]
    return Chorus.read(
        {
            "frame_sec": 0.192,
            "thumbnail": found[:1] or [segment(0, 10, 0.1)],
            "chorus_segments": found,
            "raw_segments": [segment(0, length, 0.5)],
        }
    )


ENTRIES = [
    Entry(NASTY, "1", ["genre"], analysis("R&B", 50.0), chorus((30, 60), (90, 120))),
    Entry("b.mp3", "2", ["genre"], analysis("Jazz", 99.99), chorus((40.5, 60))),
    Entry("c.mp3", "3", ["genre"], analysis("Jazz", 100), chorus()),
    Entry(
        "d.mp3", "4", ["genre"], error={"code": 40000012, "name": "IllegalData", "detail": "<b>"}
    ),
    Entry("e.mp3", "5", ["genre"], error={"code": 40000012, "name": "IllegalData", "detail": ""}),
    Entry("f.mp3", None, ["genre"], error={"code": None, "name": "OSError", "detail": "gone"}),
]


class Page(HTMLParser):
    """Fails where tags do not match; keeps what there is."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def report(tmp_path, ending, entries=ENTRIES):
    file = tmp_path / f"report{ending}"
    write_report(file, entries)
    return file.read_text("utf-8")


def test_the_page_shows_everything_and_asks_nobody(tmp_path):
    text = report(tmp_path, ".html")
    page = Page(text)
    said = " ".join(page.text)
    for words in ("6 songs", "IllegalData: 2", "OSError: 1", "83.33 % on average", "0:30 to 1:00"):
        assert words in said
    assert "from 50.0 to 100.0 %" in said
    assert "2 of 3 songs have one" in said
    assert NASTY in said
    assert page.tags.count("svg") == 3
    assert not {"script", "link", "img", "iframe", "b<"} & set(page.tags)
    assert not {"src", "href", "onclick", "style"} & {name for name, _ in page.attributes}
    assert "url(" not in text and "@import" not in text and "http" not in text
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert any("Jazz 2, R&B 1" in each for each in labels)
    assert "prefers-color-scheme: dark" in text


def test_a_plots_bars_are_in_proportion(tmp_path):
    text = report(tmp_path, ".html")
    jazz, rnb = (
        float(each) for each in re.findall(r'class="bar" x="190" y="\d+" width="([\d.]+)"', text)
    )
    assert jazz == pytest.approx(2 * rnb, rel=0.01)
    songs = re.findall(r'class="(?:chorus|thumbnail)" x="([\d.]+)" y="\d+" width="([\d.]+)"', text)
    scale = (720 - 190 - 48) / 180
    assert (f"{190 + 30 * scale:.1f}", f"{30 * scale:.1f}") in songs


def test_markdown_is_a_document_whose_cells_hold(tmp_path):
    text = report(tmp_path, ".md")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) in {4, 5} for line in tables)
    assert "| Jazz | 2 |" in text
    assert "| IllegalData | 2 |" in text
    assert "83.33 % on average, from 50.0 to 100.0 %" in text
    assert "<script>" not in text.replace("\\<", "")


def test_json_has_every_number(tmp_path):
    found = json.loads(report(tmp_path, ".json"))
    assert found["genres"] == {"Jazz": 2, "R&B": 1}
    assert found["confidence"] == {"mean": 83.33, "min": 50.0, "max": 100}
    assert found["choruses"] == {
        "songs": 3,
        "with_chorus": 2,
        "mean_start": 35.25,
        "mean_length": 24.75,
    }
    assert [(each["name"], each["count"]) for each in found["failures"]] == [
        ("IllegalData", 2),
        ("OSError", 1),
    ]
    assert (found["total"], found["failed"], found["analyzed"]) == (6, 3, 3)


@pytest.mark.parametrize("ending", [".html", ".md", ".json"])
@pytest.mark.parametrize("entries", [[], ENTRIES[3:], ENTRIES[:1]])
def test_a_report_of_little_or_nothing_is_one_too(tmp_path, ending, entries):
    assert f"{len(entries)}" in report(tmp_path, ending, entries)
