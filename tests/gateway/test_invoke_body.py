"""The streaming reader of invoke bodies against ``json`` and ``base64``, in every cut."""

from __future__ import annotations

import base64
import itertools
import json
import re
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import errors
from gateway.inbound.invoke_body import InvokeBodyReader

MANY = 10**9


def streamed(body, cuts=(), data_limit=MANY, rest_limit=MANY):
    """What the reader makes of a body that comes in pieces: (fields, audio) or an error's class."""
    reader = InvokeBodyReader(data_limit, rest_limit)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    try:
        for start, end in itertools.pairwise(edges):
            reader.feed(body[start:end])
        result = reader.close()
    except errors.ApiError as error:
        return type(error)
    if result.error is not None:
        return type(result.error)
    if result.audio is None:
        return result.fields, None
    with result.audio as file:
        return result.fields, file.read()


def whole(body):
    """The same from the standard library, all at once."""
    try:
        fields = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return errors.ClientError
    if not isinstance(fields, dict):
        return errors.ClientError
    text = fields.get("data")
    if not isinstance(text, str):
        return fields, None
    if len(text) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text, re.ASCII):
        return errors.InvalidData
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return errors.InvalidData
    del fields["data"]
    return fields, data


def escaped(text, how):
    """JSON spellings of one string: plain, slashes escaped (as PHP does), everything escaped."""
    if how == "slashes":
        return json.dumps(text).replace("/", "\\/")
    if how == "all":
        return '"' + "".join(f"\\u{ord(each):04X}" for each in text) + '"'
    return json.dumps(text, ensure_ascii=how == "ascii")


hows = st.sampled_from(["ascii", "plain", "slashes", "all"])
base64_texts = st.one_of(
    st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    st.text(alphabet='QUJD/+=é\n "\\', max_size=12),
)
others = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(["payload", "appkey", "DATA", "data ", "dat", "", "\\", '"'])
spaces = st.sampled_from(["", " ", "\n\t", "  \r\n"])


@st.composite
def bodies(draw):
    """Objects with ``data`` none, once or several times, anywhere, in any spelling."""
    members = []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            value = draw(st.one_of(base64_texts, st.none(), st.just({"data": "QUJD"})))
            text = escaped(value, draw(hows)) if isinstance(value, str) else json.dumps(value)
            key = escaped("data", draw(hows))
        else:
            text, key = json.dumps(draw(others)), escaped(draw(keys), "ascii")
        members.append(f"{draw(spaces)}{key}{draw(spaces)}:{draw(spaces)}{text}{draw(spaces)}")
    return ("{" + ",".join(members) + "}" + draw(spaces)).encode()


cuts = st.lists(st.integers(0, 10_000), max_size=6)


@settings(max_examples=500, deadline=None)
@given(bodies(), cuts)
def test_lawful_bodies_read_as_the_standard_library_reads_them(body, where):
    assert streamed(body, where) == whole(body)


@settings(max_examples=500, deadline=None)
@given(bodies(), cuts, st.integers(0, 10_000), st.binary(max_size=3))
@example(b'{"data":"QUJD"}', [9], 9, b"\xc3")
@example(b'{"data":"QUJD"}', [], 12, b'\\x00"')
@example(b'{"data":"QUJD"}', [], 9, b'" "')
def test_damaged_bodies_fail_as_they_fail_in_the_standard_library(body, where, at, junk):
    at %= len(body) + 1
    damaged = body[:at] + junk + body[at + 1 :]
    assert streamed(damaged, where) == whole(damaged)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":"QUJD"}',
        b'\xef\xbb\xbf{"data":"QUJD","a":1}',
        b'{"d\\u0061ta":"Q\\u0055JD"}',
        b'{"data":"QUI=","data":"QUJD"}',
        b'{"data":"QUJD","data":null}',
        b'{"data":null,"data":"QUJD"}',
        b'{"x":{"data":"QUJD"},"y":["data","QUJD"]}',
        b'{"data":"QUI=QUJD"}',
        b'{"data":"QUJ"}',
        b'{"data":"' + b"\xc3\xa9" + b'"}',
        b'{"data":"\xc3"}',
        b'{"data":"\\ud83d\\ude00"}',
        b'{"data":"\\ud83d"}',
        b'{"data":"QU\nJD"}',
        b'{"data":"QUJD',
        b'{"data":"QUJD"',
        b'["data","QUJD"]',
        b'"data"',
        b"",
        b"[" * 5_000,
    ],
)
def test_each_special_case_in_every_cut(body):
    expected = whole(body)
    for cut in range(min(len(body), 40) + 1):
        assert streamed(body, [cut]) == expected
    assert streamed(body, range(min(len(body), 500))) == expected  # byte by byte


def test_the_limits_hold():
    body = json.dumps({"data": base64.b64encode(b"x" * 1000).decode(), "p": "y" * 1000}).encode()
    assert streamed(body, data_limit=1000)[1] == b"x" * 1000
    assert streamed(body, data_limit=999) is errors.ExceededDataSize
    assert streamed(body, rest_limit=1000) is errors.ExceededDataSize


@pytest.mark.parametrize("escape", [rb"\/", rb"\u002b", rb"\u002F"])
def test_the_escapes_that_encoders_make_of_base64_are_no_burden(escape):
    sign = b"+" if escape.endswith(b"b") else b"/"
    body = b'{"data":"' + escape * 40_000 + b'"}'
    assert streamed(body, cuts=range(0, len(body), 4099)) == (
        {},
        base64.b64decode(sign * 40_000),
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b"[]," * 5_000 + b"1]}",
        b'{"data":"' + rb"\u0041" * 12_000 + b'"}',
        b"{" + b",".join(b'"%d":1' % number for number in range(4_000)) + b"}",
    ],
)
def test_what_only_takes_time_is_refused(body):
    assert streamed(body) is errors.ClientError


def test_a_large_body_stays_out_of_memory():
    block = base64.b64encode(bytes(range(256)) * 192)  # 48 KiB, whole quads
    reader = InvokeBodyReader(MANY, MANY)
    tracemalloc.start()
    reader.feed(b'{"data":"')
    for _ in range(1_000):
        reader.feed(block)
    reader.feed(b'"}')
    audio = reader.close().audio
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20
    with audio:
        assert len(audio.read()) == 1_000 * 256 * 192
