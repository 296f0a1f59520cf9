"""The Messenger port in Slack: what travels, what a refusal means, how a message is found."""

import urllib.error
from datetime import timedelta
from http.client import RemoteDisconnected
from typing import get_args
from uuid import UUID

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.facts.messages import (
    Message,
    OperatorWarning,
    Receipt,
    ReceiptFile,
    ReminderRest,
    RequestCard,
    Timing,
    Tour,
)
from bot.localslack.blockkit.validator import problems
from bot.ports.messenger import (
    Limited,
    LockedOut,
    NotPosted,
    Posted,
    Undeliverable,
    Unreachable,
    Unreadable,
    Unsettled,
)
from handlers import messenger, refusals
from handlers.client import SlackClient
from handlers.messenger import SlackMessenger
from handlers.wire import NotSent
from tests.factories import NOW, usd
from tests.unit.handlers import samples
from tests.unit.handlers.fakes import SHANGHAI
from tests.unit.handlers.stage import RecordingClient

WARNING = OperatorWarning(
    subject="Lapse cannot read account prod",
    since=NOW,
    text="the cloud refuses the key (403). Renew the key, then run `lapse doctor`.",
)
REST = ReminderRest(batch_id="b-1", count=12, sums=(usd("12.00"),), zone=SHANGHAI)
REMINDERS = ("prod/sm-quota/2026-11-30/7d", "prod/sm-screen/2026-11-30/7d")


@pytest.fixture
def quiet(client: RecordingClient) -> RecordingClient:
    """A client that never retries and answers like a workspace."""
    client.answers |= {
        "chat.postMessage": {"channel": "C0FINOPS", "ts": "1795399920.000100"},
        "chat.getPermalink": {"permalink": "https://lapse.slack.com/archives/C0FINOPS/p1"},
        "conversations.open": {"channel": {"id": "D0OWNER"}},
        "conversations.history": {"messages": []},
        "conversations.replies": {"messages": []},
    }
    return client


@pytest.fixture
def speaks(quiet: RecordingClient) -> SlackMessenger:
    return SlackMessenger(quiet)


def refused(code: str, *, status: int = 200, headers: dict | None = None) -> SlackApiError:
    response = SlackResponse(
        client=None,
        http_verb="POST",
        api_url="",
        req_args={},
        data={"ok": False, "error": code} if code else {},
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("refused", response)


def post(speaks: SlackMessenger, message=WARNING, **changes) -> Posted:
    sent = {"to": "C0FINOPS", "delivery_id": "d-1"} | changes
    return speaks.post(message, **sent)


def test_a_message_carries_text_and_blocks_and_unfurls_nothing(speaks, quiet):
    assert post(speaks) == Posted("C0FINOPS", "1795399920.000100")

    [sent] = quiet.of("chat.postMessage")
    assert sent["channel"] == "C0FINOPS"
    assert sent["text"].startswith("Lapse cannot read account prod.")
    assert sent["blocks"][0]["text"]["text"] == ":warning: Lapse cannot read account prod"
    assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
    assert problems(sent, "message") == ()


@pytest.mark.parametrize(
    "message",
    [
        samples.reminder(),
        samples.reminder(timing=Timing.MISSED),
        REST,
        RequestCard(request=samples.waiting()),
        Receipt(request=samples.done()),
        WARNING,
    ],
)
def test_whatever_may_repeat_an_earlier_message_says_so_where_it_is_seen(speaks, quiet, message):
    post(speaks, message)
    post(speaks, message, may_repeat=True)

    once, again = quiet.of("chat.postMessage")
    said = "May repeat an earlier message."
    assert said not in f"{once}"
    assert again["text"] == f"{once['text']} {said}"
    assert again["blocks"][1]["elements"][0]["text"] == said
    assert problems(again, "message") == ()


def test_reminders_carry_their_delivery_and_reminder_ids(speaks, quiet):
    post(speaks, samples.reminder(), reminder_ids=REMINDERS)

    [sent] = quiet.of("chat.postMessage")
    assert sent["metadata"] == {
        "event_type": "lapse_reminder",
        "event_payload": {"delivery_id": "d-1", "reminder_ids": list(REMINDERS)},
    }


def test_the_message_that_counts_the_rest_names_its_batch_and_no_reminder(speaks, quiet):
    post(speaks, REST, reminder_ids=REMINDERS)

    [sent] = quiet.of("chat.postMessage")
    assert sent["metadata"] == {
        "event_type": "lapse_reminder",
        "event_payload": {"delivery_id": "d-1", "reminder_ids": [], "batch_id": "b-1"},
    }


def test_every_other_message_carries_its_delivery_alone(speaks, quiet):
    post(speaks, RequestCard(request=samples.waiting()))

    [sent] = quiet.of("chat.postMessage")
    assert sent["metadata"] == {
        "event_type": "lapse_message",
        "event_payload": {"delivery_id": "d-1"},
    }


def test_metadata_never_holds_an_amount(speaks, quiet):
    post(speaks, samples.reminder(), reminder_ids=REMINDERS)

    assert "1,080" not in str(quiet.of("chat.postMessage")[0]["metadata"])


def test_the_client_message_id_follows_from_the_delivery(speaks, quiet):
    post(speaks)
    post(speaks)
    post(speaks, delivery_id="d-2")

    first, again, other = (sent["client_msg_id"] for sent in quiet.of("chat.postMessage"))
    assert first == again != other
    assert UUID(first).version == 5


def test_a_thread_reply_names_its_parent(speaks, quiet):
    post(speaks, thread="1.2")

    assert quiet.of("chat.postMessage")[0]["thread_ts"] == "1.2"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": ["7"]}, 7.0),
        ({}, refusals.LATER),
        ({"Retry-After": "soon"}, refusals.LATER),
        ({"Retry-After": "nan"}, refusals.LATER),
        ({"Retry-After": "-5"}, refusals.WAIT_AT_LEAST),
        ({"Retry-After": "0"}, refusals.WAIT_AT_LEAST),
        ({"Retry-After": "1e12"}, refusals.WAIT_AT_MOST),
    ],
)
def test_a_rate_limit_was_not_posted_and_waits_as_long_as_slack_says(
    speaks, quiet, headers, seconds
):
    quiet.answers["chat.postMessage"] = refused("ratelimited", status=429, headers=headers)

    with pytest.raises(NotPosted) as raised:
        post(speaks)

    assert raised.value.retry_after == seconds


def test_a_rate_limit_inside_a_good_answer_is_one_too(speaks, quiet):
    quiet.answers["chat.postMessage"] = refused("ratelimited")

    with pytest.raises(NotPosted):
        post(speaks)


@pytest.mark.parametrize("code", sorted(refusals.CLOSED | refusals.REFUSED_HERE))
def test_a_message_or_a_destination_that_is_not_taken_is_undeliverable(speaks, quiet, code):
    quiet.answers["chat.postMessage"] = refused(code)

    with pytest.raises(Undeliverable) as raised:
        post(speaks)

    assert raised.value.error == code
    assert raised.value.closed == (code in refusals.CLOSED)


@pytest.mark.parametrize("code", sorted(refusals.LOCKED_OUT))
def test_a_refused_token_locks_lapse_out(speaks, quiet, code):
    quiet.answers["chat.postMessage"] = refused(code)

    with pytest.raises(LockedOut) as raised:
        post(speaks)

    assert raised.value.error == code


def test_an_unheard_of_refusal_was_not_posted(speaks, quiet):
    quiet.answers["chat.postMessage"] = refused("brand_new_error")

    with pytest.raises(NotPosted) as raised:
        post(speaks)

    assert raised.value.retry_after == refusals.LATER


@pytest.mark.parametrize(
    "error",
    [
        refused("internal_error"),
        refused("fatal_error"),
        refused("service_unavailable"),
        refused("anything", status=503),
        refused("", status=200),
        SlackApiError("no json", {"status": 502, "headers": {}, "body": "<html>"}),
        TimeoutError("timed out"),
        urllib.error.URLError(TimeoutError("timed out")),
        urllib.error.URLError(ConnectionResetError("reset")),
        urllib.error.URLError(ConnectionRefusedError("after a redirection")),
        RemoteDisconnected("gone"),
        ConnectionResetError("reset"),
        AttributeError("'str' object has no attribute 'get'"),
    ],
    ids=str,
)
def test_an_answer_that_never_came_clearly_is_unsettled(speaks, quiet, error):
    quiet.answers["chat.postMessage"] = error

    with pytest.raises(Unsettled):
        post(speaks)


@pytest.mark.parametrize(
    "body", ['{"ok": true, "chan', "<html>Bad gateway</html>", "", "[]", '"ok"']
)
def test_a_body_that_is_not_slacks_json_is_unsettled(monkeypatch, body):
    client = SlackClient("xoxb-1", base_url="http://127.0.0.1:1/", within=timedelta(seconds=1))
    answer = {"status": 200, "headers": {}, "body": body}
    monkeypatch.setattr(
        client, "_perform_urllib_http_request_internal", lambda _url, _request: answer
    )

    with pytest.raises(Unsettled):
        post(SlackMessenger(client))


def test_an_answer_without_a_timestamp_is_unsettled(speaks, quiet):
    quiet.answers["chat.postMessage"] = {"channel": "C0FINOPS"}

    with pytest.raises(Unsettled):
        post(speaks)


def test_what_was_not_sent_was_not_posted(speaks, quiet):
    quiet.answers["chat.postMessage"] = NotSent(
        urllib.error.URLError(ConnectionRefusedError(111, "refused"))
    )

    with pytest.raises(Unreachable, match="ConnectionRefusedError") as raised:
        post(speaks)
    assert raised.value.retry_after == refusals.WAIT_AT_LEAST


def test_an_update_replaces_text_and_blocks_and_leaves_the_metadata(speaks, quiet):
    speaks.update(WARNING, at=Posted("C0FINOPS", "1.2"))

    [sent] = quiet.of("chat.update")
    assert (sent["channel"], sent["ts"]) == ("C0FINOPS", "1.2")
    assert sent["text"]
    assert sent["blocks"]
    assert "metadata" not in sent


def test_an_update_whose_answer_is_lost_may_still_be_carried_out(speaks, quiet):
    quiet.answers["chat.update"] = TimeoutError("timed out")

    with pytest.raises(Unsettled):
        speaks.update(WARNING, at=Posted("C0FINOPS", "1.2"))


def test_an_update_of_a_deleted_message_is_undeliverable(speaks, quiet):
    quiet.answers["chat.update"] = refused("message_not_found")

    with pytest.raises(Undeliverable):
        speaks.update(WARNING, at=Posted("C0FINOPS", "1.2"))


def own(delivery_id: str, ts: str = "1.2", bot_id: str = "B0LAPSE") -> dict:
    payload = {"event_type": "lapse_message", "event_payload": {"delivery_id": delivery_id}}
    return {"ts": ts, "bot_id": bot_id, "metadata": payload}


def find(speaks: SlackMessenger, **changes) -> Posted | None:
    span = {"to": "C0FINOPS", "since": NOW, "until": NOW + timedelta(seconds=40)}
    found = speaks.copies("d-1", **(span | changes))
    return found[0] if found else None


def test_a_delivery_is_found_by_its_metadata(speaks, quiet):
    quiet.answers["conversations.history"] = {"messages": [own("d-0"), own("d-1", "1.3")]}

    assert find(speaks) == Posted("C0FINOPS", "1.3")
    [asked] = quiet.of("conversations.history")
    assert asked["oldest"] == "1795399920.000000"
    assert asked["latest"] == "1795399960.000000"
    assert asked["include_all_metadata"]


def test_a_message_of_somebody_else_with_the_same_metadata_is_not_ours(speaks, quiet):
    quiet.answers["conversations.history"] = {"messages": [own("d-1", bot_id="B0OTHER")]}

    assert find(speaks) is None


def test_every_page_is_read_until_the_cursor_is_empty(speaks, quiet, monkeypatch):
    pages = iter(
        [
            {"messages": [], "response_metadata": {"next_cursor": "two"}},
            {"messages": [own("d-1")], "response_metadata": {"next_cursor": ""}},
        ]
    )
    asked = []

    def history(**arguments):
        asked.append(arguments["cursor"])
        return next(pages)

    monkeypatch.setattr(quiet, "conversations_history", history)

    assert find(speaks) == Posted("C0FINOPS", "1.2")
    assert asked == [None, "two"]


LIMITED = refused("ratelimited", status=429, headers={"Retry-After": "60"})
FIRST, LAST = "first", ""


def page(cursor: str, *messages: dict) -> dict:
    return {"messages": list(messages), "response_metadata": {"next_cursor": cursor}}


@pytest.fixture
def showing(quiet, monkeypatch):
    """Lets the history answer so, one after the other; the cursors that were asked for."""

    def show(*answers) -> list[str | None]:
        left, asked = iter(answers), []

        def history(**arguments):
            asked.append(arguments["cursor"])
            answer = next(left)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(quiet, "conversations_history", history)
        return asked

    return show


def test_a_look_that_was_limited_goes_on_where_it_stopped(speaks, showing):
    asked = showing(page(FIRST, own("d-1", "1.3")), LIMITED, page(LAST, own("d-1", "1.2")))

    with pytest.raises(Unsettled):
        find(speaks)

    assert find(speaks) == Posted("C0FINOPS", "1.2")
    assert asked == [None, FIRST, FIRST]


def test_a_look_that_ended_is_not_gone_on_with(speaks, showing):
    asked = showing(page(FIRST), LIMITED, page(LAST), page(LAST, own("d-1")))
    with pytest.raises(Unsettled):
        find(speaks)
    assert find(speaks) is None

    assert find(speaks) == Posted("C0FINOPS", "1.2")
    assert asked == [None, FIRST, FIRST, None]


@pytest.mark.parametrize("error", [refused("invalid_cursor"), TimeoutError()])
def test_a_look_that_failed_otherwise_begins_anew(speaks, showing, error):
    asked = showing(page(FIRST), error, page(LAST))

    with pytest.raises(Unsettled):
        find(speaks)

    assert find(speaks) is None
    assert asked == [None, FIRST, None]


def test_a_look_for_what_a_later_attempt_left_begins_anew(speaks, showing):
    asked = showing(page(FIRST), LIMITED, page(LAST, own("d-1")))
    with pytest.raises(Unsettled):
        find(speaks)

    later = NOW + timedelta(seconds=41)
    assert find(speaks, until=later) == Posted("C0FINOPS", "1.2")
    assert asked == [None, FIRST, None]


def test_of_very_many_looks_that_were_limited_the_oldest_begin_anew(speaks, showing, monkeypatch):
    monkeypatch.setattr(messenger, "BEGUN", 100)
    number = messenger.BEGUN + 1
    asked = showing(*[page(FIRST), LIMITED] * number, page(LAST), page(LAST))
    span = {"to": "C0FINOPS", "since": NOW, "until": NOW}
    for each in range(number):
        with pytest.raises(Unsettled):
            speaks.copies(f"d-{each}", **span)

    speaks.copies("d-1", **span)
    speaks.copies("d-0", **span)

    assert asked[-2:] == [FIRST, None]


def test_what_is_nowhere_is_none(speaks):
    assert find(speaks) is None


def test_a_person_is_looked_for_in_their_own_conversation(speaks, quiet):
    quiet.answers["conversations.history"] = {"messages": [own("d-1")]}

    assert find(speaks, to="U0OWNER") == Posted("D0OWNER", "1.2")


def test_a_thread_is_searched_in_its_replies(speaks, quiet):
    quiet.answers["conversations.replies"] = {"messages": [own("d-1")]}

    assert find(speaks, thread="1.1") == Posted("C0FINOPS", "1.2")
    assert quiet.of("conversations.replies")[0]["ts"] == "1.1"


@pytest.mark.parametrize("error", [refused("not_in_channel"), TimeoutError(), OSError()])
def test_an_unreadable_history_stays_unsettled(speaks, quiet, error):
    quiet.answers["conversations.history"] = error

    with pytest.raises(Unsettled):
        find(speaks)


@pytest.mark.parametrize("code", ["not_in_channel", "missing_scope", "a_code_of_next_year"])
def test_a_history_that_slack_refuses_to_show_is_told_from_one_that_it_does_not_show_now(
    speaks, quiet, code
):
    quiet.answers["conversations.history"] = refused(code)

    with pytest.raises(Unreadable, match=code):
        find(speaks)


@pytest.mark.parametrize(
    "error",
    [refused("internal_error"), refused("token_revoked"), refused("", status=503), OSError()],
)
def test_a_history_that_may_be_shown_later_is_not_refused(speaks, quiet, error):
    quiet.answers["conversations.history"] = error

    with pytest.raises(Unsettled) as unread:
        find(speaks)
    assert not isinstance(unread.value, Unreadable)


def test_a_link_is_what_slack_says(speaks):
    assert speaks.link(Posted("C0FINOPS", "1.2")) == "https://lapse.slack.com/archives/C0FINOPS/p1"


def test_a_link_that_was_asked_for_too_often_says_when_it_may_be(speaks, quiet):
    quiet.answers["chat.getPermalink"] = refused("ratelimited")

    with pytest.raises(Limited) as limited:
        speaks.link(Posted("C0FINOPS", "1.2"))
    assert limited.value.retry_after > 0


def test_a_link_that_cannot_be_had_is_none(speaks, quiet):
    quiet.answers["chat.getPermalink"] = refused("message_not_found")

    assert speaks.link(Posted("C0FINOPS", "1.2")) is None


def test_every_message_of_the_port_has_a_builder_but_a_file_which_has_no_blocks():
    assert set(get_args(Message)) - {ReceiptFile} == set(messenger._BUILDERS)


def test_the_tour_is_drawn():
    tour = Tour(
        seen=False,
        asked=False,
        decided=False,
        subject_ids=("prod/sm-quota",),
        approvals_channel="C0APPROVALS",
    )

    assert messenger.content(tour).text.startswith("Try Lapse in three steps")
