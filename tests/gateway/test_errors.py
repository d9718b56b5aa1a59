import re
from pathlib import Path

import pytest

from gateway import errors

# protocol.md's table: code, HTTP status of the invoke protocol, name
TABLE = [
    (40000000, 400, "ClientError"),
    (40000010, 400, "InvalidData"),
    (40000011, 400, "EmptyData"),
    (40000012, 400, "IllegalData"),
    (40000013, 400, "ExceededDuration"),
    (40000016, 400, "ExceededDataSize"),
    (40000020, 400, "InvalidPayload"),
    (40000021, 400, "EmptyPayload"),
    (40000022, 400, "IllegalPayload"),
    (40000023, 400, "EmptyURL"),
    (40000024, 400, "FailedDownload"),
    (40200001, 401, "InvalidAccess"),
    (40200002, 401, "DeniedAccess:IllegalToken"),
    (40200014, 400, "DeniedNamespace"),
    (42900000, 429, "ExceededConcurrency"),
    (50000003, 503, "ServerBusy"),
    (50000004, 504, "ServerTimeout"),
    (50000000, 500, "ServerError"),
]


def tree(root):
    return {root} | {each for child in root.__subclasses__() for each in tree(child)}


def test_every_row_of_the_table_is_an_error_and_every_error_a_row():
    declared = {
        (each.code, each.invoke_status, each.name)
        for each in tree(errors.ApiError) - {errors.ApiError}
        if each.invoke_status not in {404, 405, 409}  # HTTP's own, told as ClientError
    }
    assert declared == set(TABLE)


def test_the_drawing_names_every_error():
    drawn = set(re.findall(r"[A-Z]\w+", Path(errors.__file__).read_text().split('"""')[1]))
    assert {each.__name__ for each in tree(errors.ApiError)} <= drawn


@pytest.mark.parametrize(("seconds", "header"), [(0.1, "1"), (2.0, "2"), (2.4, "3")])
def test_retry_after_is_whole_seconds_and_never_too_early(seconds, header):
    assert errors.ServerBusy(retry_after=seconds).headers == {"Retry-After": header}


def test_the_text_is_the_name_and_what_to_change():
    assert errors.ServerError().text == "ServerError"
    assert errors.ExceededDuration("612.4 s").text == "ExceededDuration:612.4 s"
