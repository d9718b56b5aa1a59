"""What somebody reads when something goes wrong, and how they go on from there."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.conftest import free_ports, new_gateway, stop
from tests.e2e.contract import CLIP, KARAOKE, SINGER
from tests.page.conftest import SMALL_LIMIT
from tests.page.reader import as_file, give, sees


def test_a_file_that_is_no_song_is_told_in_words_and_another_can_be_chosen(reader, front):
    page = reader.open(front.url)
    give(page, as_file("<b>notes</b>.txt", b"la la la " * 50))
    sees(page, "error")
    expect(page.locator("#error-title")).to_have_text("This is not a song we can read.")
    expect(page.locator("#error-title")).to_be_focused()
    expect(page.locator("#error-advice")).to_contain_text("Choose WAV, FLAC")
    expect(page.locator("#error-said")).to_contain_text("not audio")
    expect(page.locator("#error-name")).to_have_text("<b>notes</b>.txt")
    expect(page.locator("#retry")).to_be_hidden()  # it would be told the same
    give(page, as_file("clip.mp3", CLIP), "#error-choose")
    sees(page, "result")


def test_an_empty_file_has_words_of_its_own(reader, front):
    page = reader.open(front.url)
    give(page, as_file("empty.mp3", b""))
    expect(page.locator("#error-title")).to_have_text("There is no sound in it.")


def test_a_server_that_is_not_ready_or_dead_is_noticed_and_asked_again(reader, triton, tmp_path):
    port, nothing_there = free_ports(2)
    front = new_gateway(nothing_there, tmp_path / "log", port=port)
    try:
        page = reader.open(front.url)
        give(page, as_file("clip.mp3", CLIP))
        expect(page.locator("#error-title")).to_have_text("The server is not ready.")
        expect(page.locator("#error-advice")).to_contain_text("second")
        stop(front)
        page.click("#retry")
        expect(page.locator("#error-title")).to_have_text("The server is silent.")
        front = new_gateway(triton.ports.grpc, tmp_path / "log", port=port)
        page.click("#retry")
        sees(page, "result")
        expect(page.locator("#result-facts")).to_contain_text("clip.mp3")
    finally:
        stop(front)


def test_a_server_with_apps_is_given_a_key_that_stays_in_the_tab(reader, locked):
    page = reader.open(locked.url)
    dialog = page.locator("#key")
    expect(dialog).to_be_visible()
    expect(page.locator("#key-input")).to_be_focused()
    for wrong in ("ask_wrong", "ключ"):
        page.fill("#key-input", wrong)
        page.keyboard.press("Enter")
        expect(page.locator("#key-wrong")).to_contain_text("does not know this key")
        page.fill("#key-input", "")
    page.fill("#key-input", KARAOKE.api_key)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#try-sample")).to_be_hidden()  # this server has none
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    assert KARAOKE.api_key not in page.content()  # not in the curl either
    assert page.evaluate("Object.values(localStorage).join()").count(KARAOKE.api_key) == 0
    page.reload()
    expect(dialog).to_be_hidden()

    # Revoked meanwhile: the song is not lost
    page.evaluate("sessionStorage.setItem('acousticsense.key', 'ask_revoked')")
    give(page, as_file("clip.mp3", CLIP))
    expect(page.locator("#key-wrong")).to_contain_text("does not know this key")
    page.keyboard.press("Escape")
    expect(page.locator("#error-title")).to_have_text("A key is needed.")
    page.click("#retry")
    page.fill("#key-input", KARAOKE.api_key)
    page.keyboard.press("Enter")
    sees(page, "result")


def test_a_key_for_half_of_it_gets_half_of_it(reader, locked):
    page = reader.open(locked.url)
    page.fill("#key-input", SINGER.api_key)
    page.keyboard.press("Enter")
    expect(page.locator("#key")).to_be_hidden()
    give(page, as_file("clip.mp3", CLIP))
    sees(page, "result")
    expect(page.locator("#genre-note")).to_contain_text("The key does not cover this.")
    expect(page.locator(".section.is-chorus")).to_have_count(1)


def test_a_file_over_the_limit_is_not_sent(reader, locked):
    page = reader.open(locked.url)
    page.keyboard.press("Escape")
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    give(page, as_file("long.wav", b"\0" * (SMALL_LIMIT + 1)))
    expect(page.locator("#error-title")).to_have_text("The file is too large.")
    expect(page.locator("#error-advice")).to_contain_text("1.9 MB")
    assert sent == []
