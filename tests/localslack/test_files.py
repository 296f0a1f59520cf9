"""Files come in three steps, are shown with name and size, downloaded, and kept over a restart."""

import urllib.request
from dataclasses import replace
from urllib.error import HTTPError

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.localslack.server import Fault, LocalSlack
from tests.localslack.conftest import SEED, TIMING

PAGE = b"%PDF-1.4 a page"


def error_of(call, **arguments):
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response["error"]


def fetched(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read(), answer.headers


def posted(url, content):
    request = urllib.request.Request(url, data=content, method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def begun(client, content=PAGE, name="receipt-1042.pdf"):
    place = client.files_getUploadURLExternal(filename=name, length=len(content))
    posted(place["upload_url"], content)
    return place["file_id"]


def shared(client, **where):
    file = begun(client)
    files = [{"id": file, "title": "Receipt"}]
    client.files_completeUploadExternal(files=files, channel_id="C0FIN", **where)
    return file


def test_a_file_in_a_thread_has_its_name_title_and_size_and_is_downloaded(client, slack):
    root = client.chat_postMessage(channel="C0FIN", text="root")["ts"]
    file = shared(client, thread_ts=root)

    message = slack.messages("finops")[-1]
    told = client.conversations_replies(channel="C0FIN", ts=root)["messages"][-1]
    [one] = told["files"]
    assert (message["thread_ts"], message["user"], message["bot_id"]) == (
        root,
        "U0LOCALBOT",
        "B0LOCAL",
    )
    assert (one["id"], one["name"], one["title"], one["size"]) == (
        file,
        "receipt-1042.pdf",
        "Receipt",
        len(PAGE),
    )
    assert not any(name.startswith("local_") for name in one)
    content, headers = fetched(one["url_private_download"])
    assert content == PAGE
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"].startswith("attachment;")


def test_the_answer_names_the_file_and_says_nothing_of_its_message(client):
    files = [{"id": begun(client)}]

    answer = client.files_completeUploadExternal(files=files, channel_id="C0FIN")

    assert answer["files"] == [{"id": files[0]["id"], "title": "receipt-1042.pdf"}]


def test_without_a_channel_nobody_sees_it(client, slack):
    client.files_completeUploadExternal(files=[{"id": begun(client)}])

    assert slack.messages("finops") == []


def test_what_slack_refuses_is_refused(client):
    get, complete = client.files_getUploadURLExternal, client.files_completeUploadExternal

    assert error_of(get, filename="a.pdf", length=0) == "missing_argument"
    assert error_of(get, filename="", length=3) == "invalid_arguments"
    assert error_of(get, filename="a.png", length=3, alt_txt="x" * 1001) == "alt_txt_too_large"
    assert error_of(complete, files=[]) == "invalid_arguments"
    assert error_of(complete, files=[{"id": "F0NOTHING"}], channel_id="C0FIN") == "file_not_found"
    empty = get(filename="a.pdf", length=3)["file_id"]
    assert error_of(complete, files=[{"id": empty}], channel_id="C0FIN") == "file_not_found"
    file = [{"id": begun(client)}]
    assert error_of(complete, files=file, channel_id="C0NOWHERE") == "channel_not_found"
    assert error_of(complete, files=file, channel_id="C0QUIET") == "not_in_channel"
    lost = {"channel_id": "C0FIN", "thread_ts": "1.000001"}
    assert error_of(complete, files=file, **lost) == "thread_not_found"
    complete(files=file, channel_id="C0FIN")
    assert error_of(complete, files=file, channel_id="C0FIN") == "file_not_found"


def test_bytes_of_another_length_or_at_another_address_are_not_taken(client, slack):
    place = client.files_getUploadURLExternal(filename="a.pdf", length=3)["upload_url"]

    for url, content in ((place, b"four"), (f"{slack.url}/upload/nothing", b"any")):
        with pytest.raises(HTTPError) as refused:
            posted(url, content)
        assert refused.value.code == 400
        refused.value.close()
    assert posted(place, b"any") == "OK - 3"


def test_nobody_downloads_what_was_not_shared(client, slack):
    file = begun(client)

    with pytest.raises(HTTPError) as refused:
        fetched(f"{slack.url}/files/{file}/receipt-1042.pdf")

    assert refused.value.code == 404
    refused.value.close()


def test_an_answer_that_is_lost_leaves_what_was_done(client, slack):
    files = [{"id": begun(client)}]
    slack.arm(Fault(kind="lost_after", method="files.completeUploadExternal"))

    with pytest.raises(ConnectionError):
        client.files_completeUploadExternal(files=files, channel_id="C0FIN")

    assert len(slack.messages("finops")) == 1


def test_bytes_that_are_lost_leave_a_file_that_cannot_be_shared(client, slack):
    place = client.files_getUploadURLExternal(filename="a.pdf", length=3)
    slack.arm(Fault(kind="lost_before", method="upload"))

    with pytest.raises(ConnectionError):
        posted(place["upload_url"], b"any")

    files = [{"id": place["file_id"]}]
    complete = client.files_completeUploadExternal
    assert error_of(complete, files=files, channel_id="C0FIN") == "file_not_found"


def test_without_the_scope_there_are_no_files(tmp_path, clock):
    scopes = {"bot": ["chat:write"]}
    seed = replace(SEED, manifest={**SEED.manifest, "oauth_config": {"scopes": scopes}})
    slack = LocalSlack(seed=seed, data=tmp_path, clock=clock, timing=TIMING)
    slack.start()
    try:
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        get = client.files_getUploadURLExternal
        assert error_of(get, filename="a.pdf", length=3) == "missing_scope"
    finally:
        slack.stop()


def test_a_file_is_there_after_a_restart(tmp_path, clock):
    one = LocalSlack(seed=SEED, data=tmp_path, clock=clock, timing=TIMING)
    one.start()
    file = shared(WebClient(one.bot_token, base_url=one.api_url))
    one.stop()
    again = LocalSlack(seed=SEED, data=tmp_path, clock=clock, timing=TIMING)
    again.start()
    try:
        client = WebClient(again.bot_token, base_url=again.api_url)
        [message] = client.conversations_history(channel="C0FIN")["messages"]
        assert message["files"][0]["id"] == file
        assert fetched(message["files"][0]["url_private"])[0] == PAGE
    finally:
        again.stop()


def test_the_page_is_told_of_a_file(client, slack):
    shared(client)

    url = f"{slack.url}/page/messages?as=requester&channel=C0FIN"
    body, _ = fetched(url)

    assert b'"name":"receipt-1042.pdf"' in body.replace(b": ", b":")
    assert b'"problems":[]' in body.replace(b": ", b":")
