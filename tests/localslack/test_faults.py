"""A bad day at Slack: what is armed strikes the call it names, as often as it was told."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.localslack.server import Fault


def post(client, text="x"):
    return client.chat_postMessage(channel="C0FIN", text=text)


def test_an_answer_lost_after_posting_leaves_the_post(slack, client):
    slack.arm(Fault(kind="lost_after", method="chat.postMessage"))

    with pytest.raises(ConnectionError):
        post(client)

    assert [each["text"] for each in slack.messages("finops")] == ["x"]
    assert slack.calls("chat.postMessage")[0].fault == "lost_after"
    assert post(client, "y")["ok"]


def test_a_call_lost_before_it_was_done_leaves_nothing(slack, client):
    slack.arm(Fault(kind="lost_before", method="chat.*"))

    with pytest.raises(ConnectionError):
        post(client)

    assert slack.messages("finops") == []
    assert slack.calls("chat.postMessage")[0].fault == "lost_before"


def test_the_sdks_own_retry_repeats_a_post_whose_answer_was_lost(slack):
    slack.arm(Fault(kind="lost_after", method="chat.postMessage"))
    retrying = WebClient(token=slack.bot_token, base_url=slack.api_url)

    assert post(retrying)["ok"]
    assert len(slack.messages("finops")) == 2


def test_a_rate_limit_hits_one_method_until_its_time_is_over(slack, client):
    slack.arm(Fault(kind="ratelimited", method="chat.postMessage", seconds=1))

    with pytest.raises(SlackApiError) as caught:
        post(client)
    answer = caught.value.response
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers["Retry-After"] == "1"
    assert client.auth_test()["ok"]
    with pytest.raises(SlackApiError):
        post(client)

    patient = WebClient(token=slack.bot_token, base_url=slack.api_url)
    patient.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
    assert post(patient)["ok"]
    assert len(slack.messages("finops")) == 1


def test_error_500_strikes_once_or_until_cleared(slack, client):
    slack.arm(Fault(kind="server_error", method="chat.postMessage"))
    with pytest.raises(SlackApiError) as caught:
        post(client)
    assert caught.value.response.status_code == 500
    assert post(client)["ok"]

    slack.arm(Fault(kind="server_error", method="chat.postMessage", once=False))
    for _ in range(2):
        with pytest.raises(SlackApiError):
            post(client)
    slack.clear_faults()
    assert post(client)["ok"]


def test_any_business_error_can_be_ordered_after_so_many_calls(slack, client):
    slack.arm(Fault(kind="error", method="chat.postMessage", error="account_inactive", skip=1))

    assert post(client)["ok"]
    with pytest.raises(SlackApiError, match="account_inactive"):
        post(client)
    assert post(client)["ok"]


def test_the_panel_arms_shows_a_badge_and_clears(slack):
    asker = slack.acting("requester")

    def panel():
        return next(each for each in asker.state()["panels"] if each["id"] == "faults")

    assert panel()["badge"] is None
    values = {"kind": "server_error", "method": "chat.*", "often": "always"}
    answer = asker.do("panels/press", panel="faults", control="arm", values=values)

    assert answer["sentence"] == "Armed: error 500 of chat.*, until cleared."
    assert panel()["badge"] == "Slack: error 500 of chat.*, until cleared"
    shown = {item["id"]: item["value"] for item in panel()["items"] if item["type"] == "select"}
    assert shown == values
    clear = panel()["badge_clear"]
    assert asker.do("panels/press", panel="faults", control=clear, values={})["ok"]
    assert panel()["badge"] is None


def test_the_panel_cuts_the_socket_at_once(slack, robot, until):
    values = {"kind": "socket_cut", "often": "once"}

    slack.acting("requester").do("panels/press", panel="faults", control="arm", values=values)

    until(lambda: slack.sockets == 0)
