import hashlib
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.identity.apps import load_apps, parse_apps

PROJECT = Path(__file__).parents[2]


def new_app(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gateway.new_app", *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )


def keys(output):
    """The printed keys by their names."""
    return dict(
        re.findall(r"^(appkey|access key|secret key|API key) +(\S+)$", output, re.MULTILINE)
    )


@pytest.fixture
def file(tmp_path):
    return tmp_path / "apps.toml"


def assert_belongs(app, printed):
    assert app.appkey == printed["appkey"]
    assert app.access_key == printed["access key"]
    assert app.secret_key.get_secret_value() == printed["secret key"]
    assert app.api_key_hashes == (hashlib.sha256(printed["API key"].encode()).hexdigest(),)


@pytest.mark.parametrize("name", ["karaoke", '音乐 "1" \\ 🎵'])
def test_without_a_file_the_keys_and_the_table_are_printed(name):
    made = new_app(name)
    assert made.returncode == 0, made.stderr
    (app,) = parse_apps(made.stdout[made.stdout.index("[[apps]]") :], "printed")
    assert app.name == name
    assert_belongs(app, keys(made.stdout))


def test_the_keys_are_long_random_and_different_each_time():
    one, two = (keys(new_app("karaoke").stdout) for _ in range(2))
    assert len(one) == 4
    assert not set(one.values()) & set(two.values())
    assert len(one["secret key"]) >= 43 and len(one["API key"]) >= 43


def test_apps_are_added_to_a_file_that_only_its_owner_reads(file):
    first = new_app("one", "--file", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    file.write_text(f"# ours\n{file.read_text()}")
    second = new_app("two", "--file", file)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    one, two = load_apps(file)
    assert_belongs(one, keys(first.stdout))
    assert_belongs(two, keys(second.stdout))
    assert file.read_text().startswith("# ours\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_the_api_key_is_not_in_the_file(file):
    printed = keys(new_app("one", "--file", file).stdout)
    assert printed["API key"] not in file.read_text()


def test_a_file_of_something_else_is_left_as_it_is_and_no_key_is_shown(file):
    file.write_text("[apps]\nname = 1\n")
    refused = new_app("one", "--file", file)
    assert refused.returncode == 1
    assert str(file) in refused.stderr and "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert file.read_text() == "[apps]\nname = 1\n"


def test_a_second_command_at_the_same_time_is_refused(file):
    draft = file.with_name("apps.toml.new")
    draft.touch()
    refused = new_app("one", "--file", file)
    assert refused.returncode == 1
    assert "another command is at it" in refused.stderr
    assert draft.exists() and not file.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    refused = new_app("one", "--file", tmp_path / "nowhere" / "apps.toml")
    assert refused.returncode == 1
    assert "nowhere" in refused.stderr and "Traceback" not in refused.stderr


def test_a_link_stays_a_link(file):
    target = file.with_name("real.toml")
    file.symlink_to(target)
    assert new_app("one", "--file", file).returncode == 0
    assert file.readlink() == target
    assert len(load_apps(target)) == 1


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines"])
def test_a_name_that_is_none_is_refused(name):
    refused = new_app(name)
    assert refused.returncode == 2
    assert "the name:" in refused.stderr


def test_the_help_shows_an_example():
    assert "python -m gateway.new_app karaoke --file apps.toml" in new_app("--help").stdout
