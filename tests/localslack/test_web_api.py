"""The Web API answers as Slack does, refusals included."""

import urllib.request
from urllib.error import HTTPError

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
LONG = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}


def refusal(call, **arguments):
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response


def error_of(call, **arguments):
    return refusal(call, **arguments)["error"]


# Posting


def test_a_post_carries_what_slack_adds(client, slack):
    answer = client.chat_postMessage(channel="C0FIN", text="hello", blocks=[BLOCK])

    message = answer["message"]
    assert answer["channel"] == "C0FIN"
    assert message["ts"] == answer["ts"]
    assert (message["user"], message["bot_id"], message["app_id"]) == (
        "U0LOCALBOT",
        "B0LOCAL",
        "A0LOCAL",
    )
    assert message["blocks"][0]["block_id"]
    assert [each["text"] for each in slack.messages("finops")] == ["hello"]


def test_stamps_rise_even_when_the_clock_stands_or_goes_back(client, clock):
    first = client.chat_postMessage(channel="C0FIN", text="1")["ts"]
    second = client.chat_postMessage(channel="C0FIN", text="2")["ts"]
    clock.move(days=-3)
    third = client.chat_postMessage(channel="C0FIN", text="3")["ts"]
    clock.move(days=10)
    fourth = client.chat_postMessage(channel="C0FIN", text="4")["ts"]

    assert first == "1795399920.000000"
    assert first < second < third < fourth
    assert fourth.startswith("1796004720.")


def test_a_post_to_a_person_lands_in_their_conversation_with_the_app(client, slack):
    assert client.chat_postMessage(channel="U0ASKER", text="for you")["channel"] == "D0ASKER"
    assert [each["text"] for each in slack.messages("@requester")] == ["for you"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "G0CLOSED", "text": "x"}, "channel_not_found"),
        ({"channel": "C0QUIET", "text": "x"}, "not_in_channel"),
        ({"channel": "C0FIN", "text": ""}, "no_text"),
        ({"channel": "C0FIN", "text": "x", "blocks": [LONG]}, "invalid_blocks"),
        ({"channel": "C0FIN", "text": "x", "blocks": [{"type": "banner"}]}, "invalid_blocks"),
        ({"channel": "C0FIN", "text": "x", "metadata": "x"}, "invalid_metadata_format"),
        (
            {"channel": "C0FIN", "text": "x", "metadata": {"event_type": 1}},
            "invalid_metadata_schema",
        ),
        (
            {
                "channel": "C0FIN",
                "text": "x",
                "metadata": {"event_type": "e", "event_payload": {"k": "x" * 16_000}},
            },
            "metadata_too_large",
        ),
        ({"channel": "C0FIN", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
    ],
)
def test_a_post_is_refused_with_slacks_word(client, slack, arguments, error):
    assert error_of(client.api_call, api_method="chat.postMessage", json=arguments) == error
    assert slack.messages("finops") == []


def test_the_words_of_all_blocks_have_a_common_limit(client, slack):
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
    client.chat_postMessage(channel="C0FIN", text="x", blocks=[block] * 4)

    more = [*[block] * 4, BLOCK]
    assert (
        error_of(client.chat_postMessage, channel="C0FIN", text="x", blocks=more)
        == "msg_blocks_too_long"
    )
    assert slack.refused()[0].error == "msg_blocks_too_long"


def test_a_refused_payload_is_kept_with_pointer_and_reason(client, slack):
    answer = refusal(client.chat_postMessage, channel="C0FIN", text="x", blocks=[LONG])

    [message] = answer["response_metadata"]["messages"]
    assert "[json-pointer:/blocks/0/text/text]" in message
    [refused] = slack.refused()
    assert refused.sentence == (
        "Slack would refuse this message: /blocks/0/text/text has 3,001 of 3,000 characters"
    )
    assert (refused.method, refused.channel) == ("chat.postMessage", "C0FIN")


def test_an_archived_channel_takes_nothing(client, slack):
    posted = client.chat_postMessage(channel="C0FIN", text="x")
    slack.archive("finops")

    assert error_of(client.chat_postMessage, channel="C0FIN", text="y") == "is_archived"
    assert error_of(client.chat_update, channel="C0FIN", ts=posted["ts"], text="y") == "is_inactive"
    slack.unarchive("finops")
    assert client.chat_postMessage(channel="C0FIN", text="y")["ok"]


def test_a_bot_that_was_removed_may_not_post(client, slack):
    slack.kick("finops")
    assert error_of(client.chat_postMessage, channel="C0FIN", text="x") == "not_in_channel"
    slack.invite("finops")
    assert client.chat_postMessage(channel="C0FIN", text="x")["ok"]


def test_text_beyond_40000_characters_is_cut(client, slack):
    client.chat_postMessage(channel="C0FIN", text="x" * 40_001)

    assert len(slack.messages("finops")[0]["text"]) == 40_000


@pytest.mark.parametrize(("policy", "stored"), [("ignore", 2), ("honour", 1)])
def test_a_repeated_client_msg_id_is_ignored_or_honoured(client, slack, policy, stored):
    slack.client_msg_id = policy
    first = client.chat_postMessage(channel="C0FIN", text="x", client_msg_id="one")
    second = client.chat_postMessage(channel="C0FIN", text="x", client_msg_id="one")

    assert len(slack.messages("finops")) == stored
    assert (first["ts"] == second["ts"]) == (stored == 1)


def test_client_msg_id_can_be_rejected(client, slack):
    slack.client_msg_id = "reject"

    assert (
        error_of(client.chat_postMessage, channel="C0FIN", text="x", client_msg_id="one")
        == "invalid_arguments"
    )


# Changing


def test_an_update_with_text_alone_removes_the_blocks(client, slack):
    ts = client.chat_postMessage(channel="C0FIN", text="x", blocks=[BLOCK])["ts"]
    client.chat_update(channel="C0FIN", ts=ts, text="y")

    [message] = slack.messages("finops")
    assert (message["text"], message["blocks"]) == ("y", [])
    assert "edited" in message


def test_an_update_with_blocks_shows_no_edited_mark(client, slack):
    ts = client.chat_postMessage(channel="C0FIN", text="x", blocks=[BLOCK])["ts"]
    client.chat_update(channel="C0FIN", ts=ts, text="y", blocks=[BLOCK])

    assert "edited" not in slack.messages("finops")[0]


def test_an_update_keeps_metadata_unless_it_is_emptied(client, slack):
    metadata = {"event_type": "probe", "event_payload": {"id": "1"}}
    ts = client.chat_postMessage(channel="C0FIN", text="x", metadata=metadata)["ts"]

    client.chat_update(channel="C0FIN", ts=ts, text="y")
    assert slack.messages("finops")[0]["metadata"] == metadata
    client.chat_update(channel="C0FIN", ts=ts, text="y", metadata={})
    assert "metadata" not in slack.messages("finops")[0]


def test_an_update_refuses_long_text_foreign_and_missing_messages(client, slack):
    ts = client.chat_postMessage(channel="C0FIN", text="x")["ts"]
    said = slack.acting("requester").say("C0FIN", "mine")["ts"]

    def update(ts, text):
        return error_of(client.chat_update, channel="C0FIN", ts=ts, text=text)

    assert client.chat_update(channel="C0FIN", ts=ts, text="x" * 4000)["ok"]
    assert update(ts, "x" * 4001) == "msg_too_long"
    assert update(said, "y") == "cant_update_message"
    assert update("1.000001", "y") == "message_not_found"


def test_an_ephemeral_message_cannot_be_updated(client, slack):
    shown = client.chat_postEphemeral(channel="C0FIN", user="U0ASKER", text="psst")

    assert (
        error_of(client.chat_update, channel="C0FIN", ts=shown["message_ts"], text="y")
        == "message_not_found"
    )


def test_an_ephemeral_message_needs_a_member(client, slack):
    assert (
        error_of(client.chat_postEphemeral, channel="C0FIN", user="U0OUT", text="x")
        == "user_not_in_channel"
    )


def test_delete_takes_only_own_messages(client, slack):
    ts = client.chat_postMessage(channel="C0FIN", text="x")["ts"]
    said = slack.acting("requester").say("C0FIN", "mine")["ts"]

    assert error_of(client.chat_delete, channel="C0FIN", ts=said) == "cant_delete_message"
    assert client.chat_delete(channel="C0FIN", ts=ts)["ok"]
    assert error_of(client.chat_delete, channel="C0FIN", ts=ts) == "message_not_found"


def test_a_permalink_opens_the_local_page(client, slack):
    ts = client.chat_postMessage(channel="C0FIN", text="x")["ts"]

    link = client.chat_getPermalink(channel="C0FIN", message_ts=ts)["permalink"]
    assert link == f"{slack.url}/?channel=C0FIN&message={ts}"


# Reading


def test_history_is_newest_first_and_pages_by_cursor(client):
    for number in range(5):
        client.chat_postMessage(channel="C0FIN", text=str(number))

    first = client.conversations_history(channel="C0FIN", limit=2)
    second = client.conversations_history(
        channel="C0FIN", limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    third = client.conversations_history(
        channel="C0FIN", limit=2, cursor=second["response_metadata"]["next_cursor"]
    )

    texts = [[each["text"] for each in page["messages"]] for page in (first, second, third)]
    assert texts == [["4", "3"], ["2", "1"], ["0"]]
    assert (first["has_more"], third["has_more"]) == (True, False)
    assert third["response_metadata"]["next_cursor"] == ""


def test_history_tells_metadata_only_when_asked(client):
    metadata = {"event_type": "probe", "event_payload": {"id": "1"}}
    client.chat_postMessage(channel="C0FIN", text="x", metadata=metadata)

    [bare] = client.conversations_history(channel="C0FIN")["messages"]
    [whole] = client.conversations_history(channel="C0FIN", include_all_metadata=True)["messages"]

    assert bare["metadata"] == {"event_type": "probe"}
    assert whole["metadata"] == metadata


def test_history_bounds_leave_the_edges_out_unless_inclusive(client, clock):
    stamps = []
    for number in range(3):
        stamps.append(client.chat_postMessage(channel="C0FIN", text=str(number))["ts"])
        clock.move(minutes=1)

    def texts(**more):
        bounds = {"oldest": stamps[0], "latest": stamps[2], **more}
        answer = client.conversations_history(channel="C0FIN", **bounds)
        return [each["text"] for each in answer["messages"]]

    assert texts() == ["1"]
    assert texts(inclusive=True) == ["2", "1", "0"]


def test_history_leaves_replies_to_their_thread(client):
    root = client.chat_postMessage(channel="C0FIN", text="root")["ts"]
    reply = client.chat_postMessage(channel="C0FIN", text="reply", thread_ts=root)["ts"]

    [seen] = client.conversations_history(channel="C0FIN")["messages"]
    assert (seen["text"], seen["reply_count"], seen["latest_reply"]) == ("root", 1, reply)
    thread = client.conversations_replies(channel="C0FIN", ts=root)["messages"]
    assert [each["text"] for each in thread] == ["root", "reply"]


def test_history_needs_membership_and_scope(client):
    assert error_of(client.conversations_history, channel="C0QUIET") == "not_in_channel"
    assert error_of(client.conversations_list, types="im") == "missing_scope"
    assert error_of(client.team_info) == "missing_scope"


def test_lists_hide_private_channels_that_the_bot_is_not_in(client):
    rooms = client.conversations_list(types="public_channel,private_channel")["channels"]

    assert [each["name"] for each in rooms] == ["finops", "quiet", "secret"]
    assert [each["is_member"] for each in rooms] == [True, False, True]
    assert client.conversations_members(channel="C0FIN")["members"] == [
        "U0ASKER",
        "U0FIRST",
        "U0LOCALBOT",
    ]
    assert client.conversations_info(channel="G0SECRET")["channel"]["is_private"]


# Tokens, names, validation


def test_tokens_are_told_apart(slack):
    def with_token(token):
        return WebClient(token=token, base_url=slack.api_url)

    assert error_of(with_token("xoxb-other").auth_test) == "invalid_auth"
    assert error_of(with_token(slack.app_token).auth_test) == "not_allowed_token_type"
    bot = with_token(slack.bot_token)
    assert (
        error_of(bot.apps_connections_open, app_token=slack.bot_token) == "not_allowed_token_type"
    )
    with pytest.raises(SlackApiError, match="not_authed"):
        WebClient(base_url=slack.api_url).auth_test()


def test_an_unknown_method_is_named_loudly(client, slack, caplog):
    assert error_of(client.reactions_add, channel="C0FIN", name="x", timestamp="1.0") == (
        "unknown_method"
    )
    assert "slack.unknown_method" in caplog.text


def test_blocks_validate_answers_in_slacks_shape(client):
    answer = refusal(client.blocks_validate, blocks=[BLOCK, LONG])

    assert answer["error"] == "invalid_blocks"
    [error] = answer["errors"]
    assert (error["pointer"], error["code"]) == ("/1/text/text", "failed_constraint")
    assert error["constraint"] == {"type": "too_long", "expected": 3000, "got": 3001}
    assert error_of(client.blocks_validate, view={"type": "modal"}) == "invalid_view"


def test_every_call_is_written_down(client, slack):
    client.chat_postMessage(channel="C0FIN", text="hello")

    [call] = slack.calls("chat.postMessage")
    assert call.arguments["text"] == "hello"
    assert call.status == 200
    assert call.answer["ok"] is True
    assert "token" not in call.arguments


# response_url


def post(url, body):
    request = urllib.request.Request(
        url, data=body.encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_response_url_works_five_times(slack, robot):
    slack.acting("requester").say("C0FIN", "/probe x")
    url = robot.last("command")["response_url"]

    assert [post(url, '{"text": "hi"}') for _ in range(5)] == [(200, "ok")] * 5
    assert post(url, '{"text": "hi"}') == (404, "used_url")
    assert len(slack.ephemerals("requester")) == 5
    assert post(f"{slack.url}/response/other", '{"text": "hi"}') == (404, "expired_url")


def test_a_response_to_all_shows_the_command_that_was_typed(slack, robot):
    asker = slack.acting("requester")
    asker.say("C0FIN", "/probe the budget")
    post(robot.last("command")["response_url"], '{"text": "hi", "response_type": "in_channel"}')

    [message] = asker.messages("C0FIN")
    assert (message["text"], message["command"]) == ("hi", "/probe the budget")


def test_a_response_is_judged_like_a_message(slack, robot):
    slack.acting("requester").say("C0FIN", "/probe x")
    url = robot.last("command")["response_url"]

    assert post(url, '{"text": "x", "blocks": [{"type": "banner"}]}') == (400, "invalid_blocks")
    assert slack.refused()[0].surface == "response"
    assert post(url, "[]") == (400, "invalid_payload")


def test_delete_original_takes_an_ephemeral_away(slack, robot, client):
    button = {
        "type": "button",
        "action_id": "go",
        "text": {"type": "plain_text", "text": "Go"},
    }
    client.chat_postEphemeral(
        channel="C0FIN",
        user="U0ASKER",
        text="x",
        blocks=[{"type": "actions", "elements": [button]}],
    )
    [shown] = slack.ephemerals("requester")
    slack.acting("requester").click(shown, "go")
    payload = robot.last("block_actions")
    assert "message" not in payload
    assert payload["container"]["is_ephemeral"] is True

    post(payload["response_url"], '{"delete_original": true}')

    assert slack.ephemerals("requester") == []
