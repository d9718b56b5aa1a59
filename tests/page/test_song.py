"""A song from the file dialog to its chorus in the ear."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
from playwright.sync_api import expect

from tests.e2e.contract import CLIP, invocation
from tests.page.reader import as_file, give, pixels, record, recorded, sees, slowed, until
from tests.sounds import SHARED_SONGS, tones
from tests.web import web

SONG = SHARED_SONGS / "us_steven_dunston_northern_star.ogg"


def answers(gateway, data):
    """What the server says of a song, without the page."""
    genre = web.post(f"{gateway.url}/analyze-audio", files={"file": data}, timeout=60).json()
    chorus = web.post(f"{gateway.url}/api/v1/invoke", json=invocation(data), timeout=60).json()
    return genre, json.loads(chorus["payload"])


def seconds(clock):
    minutes, _, rest = clock.partition(":")
    return 60 * int(minutes) + float(rest)


def position(page):
    return int(page.locator("#wave").get_attribute("aria-valuenow"))


def test_a_song_is_sent_seen_and_heard(reader, front, sample):
    song = SONG if SONG.exists() else sample
    genre, chorus = answers(front, song.read_bytes())
    page = reader.open(front.url, motion="no-preference")
    record(page, "#working-step")
    with slowed(page, upload=2_000_000):
        give(page, song)
        sees(page, "result")
    steps = recorded(page)
    assert any(step.startswith("Sending") for step in steps)
    assert steps[-1].startswith("Listening")
    best = chorus["thumbnail"][0]
    start, end = best["interval"]
    minutes, rest = divmod(round(start), 60)
    title = page.locator("#result-title")
    expect(title).to_contain_text(f"{genre['top_genre']}.Chorus at {minutes}:{rest:02d}.")
    expect(page.locator("#genres li")).to_have_count(5)
    expect(page.locator("#genres li").first).to_contain_text(genre["top_genre"])
    expect(page.locator(".section.is-chorus")).to_have_count(len(chorus["chorus_segments"]))
    shown = page.locator(".section.is-chorus:has(.badge) .section-time").inner_text()
    assert [seconds(each) for each in shown.split(" \u2013 ")] == pytest.approx(
        [start, end], abs=0.06
    )
    expect(page.locator("#transport")).to_be_visible()
    expect(page.locator("#mel-panel")).to_be_visible()
    assert pixels(page, "#wave", ["--best", "--chorus"]) > 2000
    assert pixels(page, "#wave", ["--bar"]) > 2000

    page.click("#loop")  # so that it still plays, however long the looking takes
    page.click("#play-best")
    expect(page.locator("#play")).to_have_accessible_name("Pause")
    until(page, lambda: position(page) > int(start))
    assert start <= position(page) <= end
    expect(page.locator(".section.is-playing .badge")).to_be_visible()
    page.click("#play")
    expect(page.locator("#play")).to_have_accessible_name("Play")

    box = page.locator("#wave").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    whole = chorus["raw_segments"][-1]["interval"][1]
    assert position(page) == pytest.approx(whole / 2, abs=2)
    first = chorus["raw_segments"][0]["interval"][1]
    page.mouse.click(box["x"] + box["width"] * first / whole / 2, box["y"] + box["height"] - 30)
    expect(page.locator(".section").first).to_have_attribute("aria-current", "true")
    expect(page.locator("#play")).to_have_accessible_name("Pause")


def test_a_section_ends_by_itself_or_goes_round(reader, front):
    page = reader.open(front.url)
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    expect(page.locator("#result-lead")).to_contain_text("under 15 seconds")
    record(page, "#play", "aria-label")
    page.click(".section.is-chorus")
    until(page, lambda: recorded(page) == ["Pause", "Play"])  # two seconds later, by itself
    page.click("#loop")
    expect(page.locator("#loop")).to_have_attribute("aria-pressed", "true")
    record(page, "#wave", "aria-valuenow")
    page.click(".section.is-chorus")
    until(page, lambda: recorded(page).count("0") >= 3)
    expect(page.locator("#play")).to_have_accessible_name("Pause")


def test_a_section_in_a_long_song_ends_where_it_ends(reader, front):
    page = reader.open(front.url)
    at = page.evaluate("""async () => {
      const main = document.querySelector("script[type=module]").src;
      const { Player } = await import(new URL("player.js", main).href);
      const player = new Player();
      player.load(new AudioBuffer({ length: 600 * 8000, sampleRate: 8000 }));
      const ended = new Promise((resolve) => player.addEventListener("change", () => {
        if (!player.isPlaying && player.position > 1) resolve(player.position);
      }));
      player.playSection({ start: 1, end: 1.5 });
      const late = new Promise((resolve) => setTimeout(resolve, 60_000, "it still plays"));
      return Promise.race([ended, late]);
    }""")
    assert at == 1.5


def test_the_curl_that_is_copied_works(reader, front, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    name = "it's a clip.mp3"
    (tmp_path / name).write_bytes(CLIP)
    page = reader.open(front.url)
    give(page, tmp_path / name)
    sees(page, "result")
    page.get_by_role("button", name="Copy: The same with curl").click()
    expect(page.locator("#told")).to_have_text("Copied")
    commands = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(
        ["bash", "-c", commands], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    genre, envelope = re.findall(r"\{.*?\}(?=\{\"task_id|$)", done.stdout, re.DOTALL)
    assert json.loads(genre)["top_genre"] == page.locator(".genre-name").first.inner_text()
    assert json.loads(envelope)["status_code"] == 20000000


def test_the_json_that_is_copied_is_the_answer(reader, front):
    _, chorus = answers(front, CLIP)
    page = reader.open(front.url)
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    page.get_by_role("button", name="Copy: Chorus, JSON").click()
    expect(page.locator("#told")).to_have_text("Copied")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == chorus


def test_where_copying_is_not_allowed_the_text_is_shown_to_be_selected(reader, front):
    page = reader.open(front.url)
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject('refused'); }")
    page.get_by_role("button", name="Copy: Genre, JSON").click()
    expect(page.locator("#told")).to_have_text("Select the text instead")
    expect(page.get_by_role("region", name="Genre, JSON")).to_be_visible()


def test_a_song_can_be_dropped_anywhere_and_of_several_the_first_counts(reader, front):
    page = reader.open(front.url)
    dropped = """([event, names, data]) => {
      const carried = new DataTransfer();
      const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
      for (const name of names) carried.items.add(new File([bytes], name));
      const options = { dataTransfer: carried, bubbles: true, cancelable: true };
      document.querySelector("footer").dispatchEvent(new DragEvent(event, options));
    }"""
    files = [["first.mp3", "second.mp3"], base64.b64encode(CLIP).decode()]
    page.evaluate(dropped, ["dragover", *files])
    expect(page.get_by_text("Drop the song")).to_be_visible()
    record(page, "#told")
    page.evaluate(dropped, ["drop", *files])
    expect(page.get_by_text("Drop the song")).to_be_hidden()
    sees(page, "result")
    assert "the first is analysed" in recorded(page)[0]
    expect(page.locator("#result-facts")).to_contain_text("first.mp3")


def test_a_format_that_only_the_server_reads_has_results_without_a_waveform(reader, front):
    buffer = io.BytesIO()
    soundfile.write(buffer, tones(20.0, 22_050, 1), 22_050, format="WAV", subtype="IMA_ADPCM")
    page = reader.open(front.url)
    give(page, as_file("old recorder.wav", buffer.getvalue()))
    sees(page, "result")
    expect(page.locator("#silent-words")).to_contain_text("cannot play this format")
    expect(page.locator("#transport")).to_be_hidden()
    expect(page.locator("#mel-panel")).to_be_hidden()
    expect(page.locator("#genres li")).to_have_count(5)
    expect(page.locator(".section").first).to_be_visible()
    assert page.locator("button.section").count() == 0


def test_the_sample_song_is_remembered_without_its_sound(reader, front, sample):
    page = reader.open(front.url)
    page.click("#try-sample")
    sees(page, "result")
    expect(page.locator("#mel-panel")).to_be_visible()
    title = page.locator("#result-title").inner_text()
    page.reload()
    page.get_by_role("button", name="Show sample tune.mp3").click()
    sees(page, "result")
    assert page.locator("#result-title").inner_text() == title
    assert pixels(page, "#wave", ["--best", "--chorus"]) > 2000
    expect(page.locator("#transport")).to_be_hidden()
    give(page, as_file("other.mp3", CLIP), "#reopen")
    expect(page.locator("#silent-words")).to_contain_text("another file")
    give(page, sample, "#reopen")
    expect(page.locator("#transport")).to_be_visible()
    expect(page.locator("#mel-panel")).to_be_visible()
    page.click("#forget")
    expect(page.locator("#recent")).to_be_hidden()
    page.reload()
    expect(page.locator("#recent")).to_be_hidden()


def test_the_mel_picture_is_what_librosa_computes(reader, front):
    rate, window = 44_100, 4096
    noise = np.random.default_rng(3).standard_normal(rate).astype(np.float32)
    noise *= np.linspace(0.01, 1.0, rate, dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(noise, window)[:: window // 2]
    spectra = np.abs(np.fft.rfft(frames * scipy.signal.get_window("hann", window))) ** 2
    mel = librosa.filters.mel(sr=rate, n_fft=window, n_mels=128, fmax=8000) @ spectra.T
    decibels = np.maximum(10 * np.log10(mel / mel.max()), -80)
    page = reader.open(front.url)
    mine = page.evaluate(
        """async (samples) => {
          const main = document.querySelector("script[type=module]").src;
          const { melPicture } = await import(new URL("mel.js", main).href);
          const { columns, picture } = melPicture(Float32Array.from(samples), 44100);
          return { columns, picture: [...picture] };
        }""",
        noise.tolist(),
    )
    picture = np.array(mine["picture"]).reshape(128, mine["columns"])[::-1]
    assert np.abs(picture - 255 * (1 + decibels / 80)).max() < 0.6
