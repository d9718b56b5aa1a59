"""The documentation builds as a site, and has no page that nobody finds."""

import os
import subprocess
import sys

from tests.conftest import PROJECT


def test_the_site_builds_without_a_broken_link(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=PROJECT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "protocol" / "index.html").exists()


def test_every_page_stands_in_the_navigation():
    navigation = (PROJECT / "mkdocs.yml").read_text()
    docs = PROJECT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    assert not {page for page in pages if f" {page}\n" not in navigation}
    decisions = (docs / "decisions" / "index.md").read_text()
    assert not [page for page in pages if page.startswith("decisions/0")
                and f"({page.removeprefix('decisions/')})" not in decisions]  # fmt: skip
