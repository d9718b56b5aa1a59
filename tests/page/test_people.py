"""The page for everyone: by keyboard, for screen readers, in two languages, at every size."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.contract import CLIP
from tests.page.reader import SHOTS, as_file, give, sees, slowed

GENRES = Path(__file__).parents[2] / "model_repository" / "genre_vit" / "labels.txt"
_NEXT_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SIZES = {"phone": (360, 740), "tablet": (820, 1180), "desktop": (1440, 900)}


def tab_to(page, selector):
    """By Tab alone, as far as the page is long."""
    for _ in range(60):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


def test_everything_can_be_done_by_keyboard(reader, front, sample):
    page = reader.open(front.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "#choose")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(sample)
    sees(page, "result")
    expect(page.locator("#result-title")).to_be_focused()
    expect(page.locator("#transport")).to_be_visible()
    wave, play = page.locator("#wave"), page.locator("#play")
    tab_to(page, "#wave")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("ArrowRight")
    expect(wave).to_have_attribute("aria-valuenow", "5")
    page.keyboard.press("End")
    expect(wave).to_have_attribute("aria-valuenow", "111")
    page.keyboard.press("Home")
    expect(wave).to_have_attribute("aria-valuetext", "0:00 of 1:51, Part 1")
    page.keyboard.press("Space")
    expect(play).to_have_accessible_name("Pause")
    page.keyboard.press("Space")
    expect(play).to_have_accessible_name("Play")
    page.keyboard.press("l")
    expect(page.locator("#loop")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    expect(page.locator(".section:has(.badge)")).to_have_attribute("aria-current", "true")
    page.keyboard.press("PageUp")
    expect(page.locator(".section").nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("Space")
    tab_to(page, ".section.is-chorus")
    page.keyboard.press("Enter")
    expect(page.locator(".section:has(.badge)")).to_have_attribute("aria-current", "true")
    tab_to(page, ".copy")
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_have_text("Copied")
    tab_to(page, ".record")
    page.keyboard.press("Enter")
    expect(page.locator("#silent-words")).to_contain_text("not kept")
    expect(page.locator("#result-title")).to_be_focused()


def test_what_a_screen_reader_is_told(reader, front):
    page = reader.open(front.url)
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    expect(page.locator("#told")).to_contain_text("Analysis finished.")
    expect(page.get_by_role("slider", name="Position in the song")).to_be_visible()
    chorus = page.get_by_role("button", name="Play Chorus 1, 0:00 to 0:02")
    expect(chorus).to_be_visible()
    expect(page.get_by_role("img", name="Mel spectrum of the song")).to_be_visible()
    for name in ("Sections", "Genre", "Spectrum", "For your program", "Recent songs"):
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()


def test_axe_finds_nothing_serious_in_any_state_light_or_dark(reader, front, locked, sample):
    page = reader.open(front.url)
    assert_accessible(page, "empty")
    with slowed(page, latency=3_600_000):  # it stays so until it is cancelled
        give(page, sample)
        expect(page.locator("#working-step")).to_contain_text("Listening")
        assert_accessible(page, "working")
        page.click("#cancel")
        sees(page, "empty")
    give(page, as_file("notes.txt", b"la la la"))
    sees(page, "error")
    assert_accessible(page, "error")
    give(page, sample, "#error-choose")
    sees(page, "result")
    expect(page.locator("#mel-panel")).to_be_visible()
    page.click("#play-best")
    for summary in page.locator("summary").all():
        summary.click()
    assert_accessible(page, "result, playing")
    page.click("#play")
    page.click(".record")
    expect(page.locator("#silent-words")).to_be_visible()
    assert_accessible(page, "a recent song")
    page = reader.open(locked.url)
    page.fill("#key-input", "ask_wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-wrong")).not_to_be_empty()
    assert_accessible(page, "key")


def assert_accessible(page, state):
    """By every rule in light; what is different in dark are the colours."""
    every = {"resultTypes": ["violations"]}
    of_colour = {**every, "runOnly": ["color-contrast"]}
    for scheme, options in (("dark", of_colour), ("light", every)):
        page.emulate_media(color_scheme=scheme)
        found = [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in Axe().run(page, options=options).response["violations"]
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]
        assert found == [], f"{state}, {scheme}"


def test_a_chinese_reader_is_met_in_chinese_and_can_change_it(reader, front):
    page = reader.open(front.url, locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("h1:visible")).to_contain_text("副歌在哪里")
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    expect(page.locator("#result-title")).to_contain_text("副歌在 0:00")
    chinese = page.locator("body").inner_text()
    page.click("[data-language=en]")
    expect(page.locator("#result-title")).to_contain_text("Chorus at 0:00")
    expect(page.locator("#genre-title")).to_have_text("Genre")
    assert page.locator("body").inner_text() != chinese
    left = page.locator("body").inner_text().replace("中文", "")
    assert [each for each in left if "\u4e00" <= each <= "\u9fff"] == []
    page.reload()
    expect(page.locator("h1:visible")).to_have_text("Where is the chorus?")


def test_every_word_has_both_languages_and_every_genre_its_name(reader, front):
    page = reader.open(front.url)
    words = page.evaluate("""async () => {
      const main = document.querySelector("script[type=module]").src;
      const { STRINGS, FAILURES, GENRES } = await import(new URL("strings.js", main).href);
      const named = [...document.querySelectorAll("[data-t], [data-t-label]")]
        .flatMap((each) => [each.dataset.t, each.dataset.tLabel]).filter(Boolean);
      return { strings: STRINGS, failures: Object.values(FAILURES).flat(2), genres: GENRES, named };
    }""")
    assert set(words["named"]) <= set(words["strings"])
    assert all(len(pair) == 2 and all(pair) for pair in words["strings"].values())
    assert all(words["failures"])
    assert list(words["genres"]) == GENRES.read_text().split("\n")[:16]


@pytest.mark.parametrize("name", SIZES)
def test_the_page_fits_and_is_pictured(reader, front, sample, name):
    """Pictures stay in out/page, to be looked at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page = reader.open(front.url, size=SIZES[name])
    shoot(page, f"empty-{name}")
    give(page, as_file("notes.txt", b"la la la"))
    sees(page, "error")
    shoot(page, f"error-{name}")
    give(page, sample, "#error-choose")
    sees(page, "result")
    expect(page.locator("#mel-panel")).to_be_visible()
    shoot(page, f"result-{name}")


def shoot(page, name):
    """In light and English, and in dark and Chinese; neither is wider than the window."""
    for scheme, language in (("light", "en"), ("dark", "zh")):
        page.emulate_media(color_scheme=scheme)
        page.click(f"[data-language={language}]")
        page.evaluate(_NEXT_FRAMES)
        page.screenshot(path=SHOTS / f"{name}-{scheme}.png", full_page=True)
        width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= window, (name, scheme)
    page.click("[data-language=en]")
