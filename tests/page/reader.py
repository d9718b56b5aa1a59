"""What somebody does at the page, in a real browser, and what they would not notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect

SECONDS = 60_000.0  # milliseconds: the machine may have much else to do
SHOTS = Path(__file__).parents[2] / "out" / "page"
_REPORT = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("Content Security Policy: " + event.violatedDirective));
"""

expect.set_options(timeout=SECONDS)


class Reader:
    """A person with a browser of their own.

    ``strangers`` are the addresses outside the page's server that were asked; ``complaints`` are
    errors of the page's code, and what its policy forbade.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.strangers: list[str] = []
        self.complaints: list[str] = []

    def open(
        self,
        url: str,
        *,
        scheme: str = "light",
        locale: str = "en-US",
        size: tuple[int, int] = (1280, 800),
        motion: str = "reduce",
    ) -> Page:
        """A new browser at the page."""
        context = self._browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=locale,
            viewport={"width": size[0], "height": size[1]},
            reduced_motion=motion,  # type: ignore[arg-type]
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.add_init_script(_REPORT)
        page.on("request", lambda request: self._check(request.url, url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._hear(message.text))
        page.goto(f"{url}/")
        expect(page.locator("h1:visible")).not_to_be_empty()
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _check(self, asked: str, url: str) -> None:
        if urlsplit(asked).netloc != urlsplit(url).netloc:
            self.strangers.append(asked)

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text or "Uncaught" in text:
            self.complaints.append(text)


def give(page: Page, file: Path | dict[str, object], button: str = "#choose") -> None:
    """Choose a file in the browser's own dialog."""
    with page.expect_file_chooser() as chooser:
        page.click(button)
    chooser.value.set_files(file)  # type: ignore[arg-type]


def as_file(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def sees(page: Page, state: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", state)


@contextmanager
def slowed(page: Page, *, upload: int = -1, latency: int = 0) -> Iterator[None]:
    """A slow network, in bytes a second and in milliseconds."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "downloadThroughput": -1}
    slow = {**limits, "uploadThroughput": upload, "latency": latency}
    session.send("Network.emulateNetworkConditions", slow)
    yield
    fast = {**limits, "uploadThroughput": -1, "latency": 0}
    session.send("Network.emulateNetworkConditions", fast)
    session.detach()


def record(page: Page, selector: str, attribute: str = "") -> None:
    """Keep all that an element says, or an attribute of it: what is over soon may be missed."""
    page.evaluate(
        """([selector, attribute]) => {
          const element = document.querySelector(selector);
          window.said = [];
          new MutationObserver(() => {
            const now = attribute ? element.getAttribute(attribute) : element.textContent;
            if (now !== window.said.at(-1)) window.said.push(now);
          }).observe(element, { attributes: true, childList: true, characterData: true });
        }""",
        [selector, attribute],
    )


def recorded(page: Page) -> list[str]:
    said: list[str] = page.evaluate("window.said")
    return said


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for what no locator can see; ``wait_for_function`` is against the page's policy."""
    deadline = time.monotonic() + SECONDS / 1000
    while not condition():
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        page.wait_for_timeout(50)


def pixels(page: Page, canvas: str, colours: Sequence[str]) -> int:
    """How many pixels of a canvas's upper half have one of these colours, named as in base.css.

    Of the waveform that is bars alone: the sections' row, in the same colours, is at its foot.
    """
    counted: int = page.evaluate(
        """async ([selector, names]) => {
          await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          const canvas = document.querySelector(selector);
          const style = getComputedStyle(canvas);
          const wanted = names.map((name) => parseInt(style.getPropertyValue(name).slice(1), 16));
          const pen = canvas.getContext("2d");
          const { data } = pen.getImageData(0, 0, canvas.width, canvas.height / 2);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) {
            const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
            if (data[i + 3] === 255 && wanted.includes(colour)) count++;
          }
          return count;
        }""",
        [canvas, list(colours)],
    )
    return counted
