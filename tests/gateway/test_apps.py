import hashlib
import json

import pytest
from pydantic import ValidationError

from gateway.identity.apps import App, AppsError, load_apps

SECRETS = {"secret_key": "the-secret-key-of-tests", "token": "the-static-token-of-tests"}
HASH = hashlib.sha256(b"an API key").hexdigest()


def app(**changes):
    fields = {"name": "karaoke", "appkey": "app-1", "access_key": "AK1", **SECRETS, **changes}
    return App.model_validate(fields)


def table(**changes):
    fields = {"name": "karaoke", "appkey": "app-1", "access_key": "AK1", **SECRETS, **changes}
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items() if value is not None]
    return "\n".join(["[[apps]]", *lines, ""])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "apps.toml"


def test_a_file_of_two_apps_is_read_with_its_limits_and_defaults(file):
    limits = {"namespaces": ["AcousticSense"], "max_concurrency": 2, "requests_per_minute": 30}
    second = table(name="音乐", appkey="app-2", access_key="AK2", token=None, **limits)
    file.write_text(table(api_key_hashes=[HASH]) + second, "utf-8")
    one, two = load_apps(file)
    assert one.secret_key.get_secret_value() == SECRETS["secret_key"]
    assert one.token.get_secret_value() == SECRETS["token"]
    assert one.api_key_hashes == (HASH,)
    assert one.namespaces == ("DeepChorus", "AcousticSense")
    assert (one.max_concurrency, one.requests_per_minute, one.burst) == (8, 600, 60)
    assert two.name == "音乐"
    assert two.token is None
    assert two.namespaces == ("AcousticSense",)
    assert (two.max_concurrency, two.requests_per_minute, two.burst) == (2, 30, 3)


def test_a_slow_app_may_still_send_one_request():
    assert app(requests_per_minute=5).burst == 1


def refusal(file):
    with pytest.raises(AppsError) as caught:
        load_apps(file)
    return str(caught.value)


def test_a_missing_file_is_named(file):
    assert refusal(file) == f"{file} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[apps]\n", "is not TOML"),
        ("", "holds no [[apps]] table"),
        ("apps = []", "holds no [[apps]] table"),
        ("[apps]\nname = 'x'", "holds no [[apps]] table"),
        ("apps = ['x']", "app 1: the table: Input should be"),
        (table() + "[[app]]\n", "unknown key 'app'"),
        (table(colour="red"), "app 1: colour: Extra inputs are not permitted"),
        (table(appkey=None), "app 1: appkey: Field required"),
        (table(appkey=""), "app 1: appkey: "),
        (table(appkey="with space"), "app 1: appkey: "),
        (table(access_key="AK/1"), "app 1: access_key: "),
        (table(name="two\nlines"), "app 1: name: Value error, must be printable"),
        (table(max_concurrency=0), "app 1: max_concurrency: "),
        (table(requests_per_minute=0), "app 1: requests_per_minute: "),
        (table(namespaces=["Other"]), "app 1: namespaces.0: "),
        (table(api_key_hashes=["an API key"]), "app 1: api_key_hashes.0: "),
        (table(api_key_hashes=[HASH + "\n"]), "app 1: api_key_hashes.0: "),
        (table() + table(access_key="AK2"), "'karaoke' and 'karaoke' have the same appkey"),
        (table() + table(name="b", appkey="b"), "'karaoke' and 'b' have the same access_key"),
        (
            table(api_key_hashes=[HASH])
            + table(name="b", appkey="b", access_key="b", api_key_hashes=["0" * 64, HASH]),
            "'karaoke' and 'b' have the same API key",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_one_sentence_that_names_it(file, text, words):
    file.write_text(text)
    said = refusal(file)
    assert said.startswith(str(file))
    assert words in said
    assert "\n" not in said


def test_a_file_that_is_not_text_is_refused(file):
    file.write_bytes(b"\xff\xfe")
    assert refusal(file) == f"{file} is not UTF-8 text"


@pytest.mark.parametrize("name", SECRETS)
def test_a_short_secret_is_refused_and_not_repeated(file, name):
    file.write_text(table(**{name: "hunter2hunter2!"}))
    said = refusal(file)
    assert f"{name}: Value error, must have at least 16 characters" in said
    assert "hunter2" not in said
    with pytest.raises(ValidationError) as caught:
        app(**{name: "hunter2hunter2!"})
    assert "hunter2" not in str(caught.value)


def test_a_misspelt_field_does_not_bring_its_value_into_the_error(file):
    file.write_text(table(secretkey="hunter2hunter2!"))
    assert "hunter2" not in refusal(file)


@pytest.mark.parametrize("show", [repr, str, lambda a: a.model_dump_json(), lambda a: f"{a!r:s}"])
def test_no_secret_shows_when_an_app_is_printed(show):
    shown = show(app())
    assert "karaoke" in shown
    assert not any(secret in shown for secret in SECRETS.values())


def test_an_app_cannot_be_changed():
    with pytest.raises(ValidationError):
        app().max_concurrency = 100
