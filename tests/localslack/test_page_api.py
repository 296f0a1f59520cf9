"""What the page asks and is told: one person's view of everything, live."""

import base64
import http.client
import json
from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.localslack.conftest import SEED

BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "USD 540.00 on 23 Nov 2026"}}


def get(slack, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", int(slack.url.rpartition(":")[2]))
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def told(slack, path):
    return json.loads(get(slack, path)[1])


def post(slack, path, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", int(slack.url.rpartition(":")[2]))
    headers = {"Content-Type": "application/json", **headers}
    connection.request("POST", path, body=json.dumps(body), headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_the_snapshot_tells_who_where_and_what(slack):
    state = told(slack, "/page/state?as=approver-1")

    assert state["me"]["id"] == "U0FIRST"
    assert [each["handle"] for each in state["people"]] == [
        "probe",
        "requester",
        "approver-1",
        "outsider",
    ]
    assert [each["name"] for each in state["channels"]] == [
        "finops",
        "quiet",
        "secret",
        "closed",
        "Probe",
    ]
    assert state["app"]["dm"] == "D0FIRST"
    assert state["app"]["connected"] is False
    assert [each["command"] for each in state["commands"]] == ["/probe", "/raw"]
    assert [each["id"] for each in state["panels"]] == ["clock", "faults"]
    assert state["clock"] == {"epoch": 1795399920.0, "running": True}
    assert (state["home"], state["modals"], state["refused"]["count"]) == (None, [], 0)


def test_without_a_name_the_first_person_acts_and_a_stranger_nobody(slack):
    assert told(slack, "/page/state")["me"]["handle"] == "requester"
    answer, text = get(slack, "/page/state?as=stranger")
    assert (answer.status, json.loads(text)["error"]) == (404, "user_not_found")
    assert get(slack, "/page/state?as=probe")[0].status == 404


def test_private_channels_and_ephemerals_are_for_their_people_alone(slack, client):
    client.chat_postMessage(channel="G0SECRET", text="hush")
    client.chat_postEphemeral(channel="C0FIN", user="U0ASKER", text="psst")

    requester = slack.acting("requester")
    approver = slack.acting("approver-1")
    assert "secret" not in [each["name"] for each in requester.state()["channels"]]
    assert told(slack, "/page/messages?as=requester&channel=G0SECRET")["ok"] is False
    assert [each["kind"] for each in requester.messages("C0FIN")] == ["ephemeral"]
    assert approver.messages("C0FIN") == []
    target = {"channel": "G0SECRET", "ts": slack.messages("secret")[0]["ts"]}
    answer = requester.do("action", target=target, block_id="b", action_id="a")
    assert answer["error"] == "channel_not_found"


def test_a_message_tells_its_text_and_what_the_text_leaves_out(slack, client):
    client.chat_postMessage(channel="C0FIN", text="USD 540.00 soon.", blocks=[BLOCK])

    [message] = slack.acting("requester").messages("C0FIN")
    assert (message["text"], message["text_length"]) == ("USD 540.00 soon.", 16)
    assert message["missing_in_text"] == ["23 Nov 2026"]
    assert (message["is_app"], message["name"], message["kind"]) == (True, "Probe", "message")
    assert message["permalink"].endswith(f"channel=C0FIN&message={message['ts']}")


def test_each_person_has_their_own_unread_count_and_mentions(slack, client):
    def line(handle):
        channels = slack.acting(handle).state()["channels"]
        return next(each for each in channels if each["id"] == "C0FIN")

    client.chat_postMessage(channel="C0FIN", text="one")
    client.chat_postMessage(channel="C0FIN", text="two <!subteam^S0APPR>")
    assert (line("requester")["unread"], line("requester")["mentions"]) == (2, 0)
    assert (line("approver-1")["unread"], line("approver-1")["mentions"]) == (2, 1)

    slack.acting("requester").do("read", channel="C0FIN")
    assert (line("requester")["unread"], line("approver-1")["unread"]) == (0, 2)

    root = slack.messages("finops")[0]["ts"]
    client.chat_postMessage(channel="C0FIN", text="reply", thread_ts=root)
    assert line("requester")["unread"] == 0
    slack.acting("requester").say("C0FIN", "mine")
    assert (line("requester")["unread"], line("approver-1")["unread"]) == (0, 3)


def test_threads_stand_apart_with_their_count(slack, client):
    root = client.chat_postMessage(channel="C0FIN", text="root")["ts"]
    slack.acting("requester").say("C0FIN", "reply", thread=root)

    [seen] = slack.acting("requester").messages("C0FIN")
    assert (seen["reply_count"], seen["reply_users"]) == (1, ["U0ASKER"])
    thread = told(slack, f"/page/thread?as=requester&channel=C0FIN&ts={root}")
    assert thread["root"]["ts"] == root
    assert [each["text"] for each in thread["replies"]] == ["reply"]
    answer = slack.acting("requester").say("C0FIN", "/probe", thread=root)
    assert answer["error"] == "command_in_thread"


def test_older_messages_come_by_pages(slack, client):
    for number in range(3):
        client.chat_postMessage(channel="C0FIN", text=str(number))

    newest = told(slack, "/page/messages?as=requester&channel=C0FIN&limit=2")
    assert [each["text"] for each in newest["messages"]] == ["1", "2"]
    assert newest["has_more"] is True
    before = newest["messages"][0]["ts"]
    older = told(slack, f"/page/messages?as=requester&channel=C0FIN&limit=2&before={before}")
    assert ([each["text"] for each in older["messages"]], older["has_more"]) == (["0"], False)


def test_typed_names_become_entities_and_foreign_markup_stays_text(slack):
    slack.acting("requester").say("C0FIN", "@approver-1 see #quiet, not @nobody or <!channel>")

    [message] = slack.messages("finops")
    assert message["text"] == (
        "<@U0FIRST|approver-1> see <#C0QUIET|quiet>, not @nobody or &lt;!channel&gt;"
    )


def test_only_members_may_speak_and_nobody_in_an_archive(slack):
    outsider = slack.acting("outsider")

    assert outsider.say("C0FIN", "hello")["error"] == "not_in_channel"
    assert outsider.do("join", channel="C0FIN")["ok"]
    assert outsider.say("C0FIN", "hello")["ok"]
    assert outsider.do("join", channel="G0SECRET")["error"] == "channel_not_found"
    slack.archive("finops")
    assert outsider.say("C0FIN", "hello")["error"] == "is_archived"


def test_a_conversation_that_the_app_declares_read_only_takes_no_messages(start):
    home = {"messages_tab_enabled": True, "messages_tab_read_only_enabled": True}
    manifest = {**SEED.manifest, "features": {"app_home": home}}
    slack = start(seed=replace(SEED, manifest=manifest))

    answer = slack.acting("requester").say("D0ASKER", "hello")

    assert answer["error"] == "messages_tab_read_only"
    assert slack.messages("@requester") == []


def test_a_refused_message_stands_where_it_would_be_and_can_be_dismissed(slack, client):
    asker = slack.acting("requester")
    client.api_call("chat.postMessage", json={"channel": "C0FIN", "text": "x"})
    with pytest.raises(Exception, match="invalid_blocks"):
        client.chat_postMessage(channel="C0FIN", text="x", blocks=[{"type": "banner"}])

    _, box = asker.messages("C0FIN")
    assert box["kind"] == "refused"
    assert box["refused"]["problems"][0]["pointer"] == "/blocks/0/type"
    assert asker.state()["refused"]["count"] == 1
    asker.do("dismiss", channel="C0FIN", ts=box["ts"])
    assert [each["kind"] for each in asker.messages("C0FIN")] == ["message"]
    assert asker.state()["refused"]["count"] == 1


def test_an_ephemeral_can_be_dismissed(slack, client):
    client.chat_postEphemeral(channel="C0FIN", user="U0ASKER", text="psst")
    asker = slack.acting("requester")
    [shown] = asker.messages("C0FIN")

    asker.do("dismiss", channel="C0FIN", ts=shown["ts"])

    assert asker.messages("C0FIN") == []


def test_a_panel_moves_the_clock_or_says_why_not(slack, feed):
    asker = slack.acting("requester")
    with feed("requester") as next_of:
        press = {"panel": "clock", "values": {"count": "2"}}
        assert asker.do("panels/press", control="hour", **press)["sentence"] == "Moved."
        summary = next_of("panels")["panels"][0]["summary"]
        assert next_of("clock")["clock"]["epoch"] == 1795399920.0 + 2 * 3600
    assert summary == "2026-11-23T04:12:00+00:00"

    failed = asker.do("panels/press", control="back", panel="clock", values={})
    assert failed["sentence"] == "This clock goes forward by hours only."
    assert asker.do("panels/press", control="x", panel="none")["error"] == "no_such_panel"


# Live


FILE_FORM = {
    "type": "modal",
    "callback_id": "filed",
    "title": {"type": "plain_text", "text": "Files"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "proof",
            "label": {"type": "plain_text", "text": "Proof"},
            "element": {
                "type": "file_input",
                "action_id": "proof",
                "max_files": 1,
                "filetypes": ["png", "txt"],
            },
        }
    ],
}


def given(slack, name, content):
    body = {"name": name, "content": base64.b64encode(content).decode()}
    return json.loads(post(slack, "/page/files?as=requester", body)[1])


def test_a_file_goes_with_the_form_and_is_downloaded_where_the_payload_says(slack, robot, client):
    slack.acting("requester").say("C0FIN", "/probe")
    client.views_open(trigger_id=robot.last("command")["trigger_id"], view=FILE_FORM)
    one, two, other = (
        given(slack, name, b"what it says")["file"] for name in ("a.png", "b.txt", "c.exe")
    )
    asker = slack.acting("requester")

    for files, said in (
        ([], "Fill in this field."),
        ([one, two], "Add at most 1 file."),
        ([other], "Files of these kinds are taken: png, txt."),
    ):
        refused = asker.submit({"proof": {"proof": files}})
        assert refused["errors"] == {"proof": said}
    assert asker.submit({"proof": {"proof": [one]}})["ok"]

    field = robot.last("view_submission")["view"]["state"]["values"]["proof"]["proof"]
    assert field["type"] == "file_input"
    [file] = field["files"]
    assert (file["id"], file["name"], file["user"]) == (one["id"], "a.png", "U0ASKER")
    assert not [name for name in file if name.startswith("local_")]
    path = file["permalink"].removeprefix(slack.url)
    assert get(slack, path)[1] == "what it says"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("", "YQ==", "invalid_file"),
        ("a.png", "", "invalid_file"),
        ("a.png", "not base64!", "invalid_file"),
        ("a.png", base64.b64encode(b"a" * (10 * 1024 * 1024 + 1)).decode(), "file_too_large"),
    ],
)
def test_a_form_takes_no_file_that_is_none_or_too_large(slack, name, content, error):
    _, text = post(slack, "/page/files?as=requester", {"name": name, "content": content})

    assert json.loads(text)["error"] == error


def test_changes_arrive_live_and_only_for_those_who_may_see_them(slack, client, feed):
    with feed("requester") as requester, feed("approver-1") as approver:
        client.chat_postMessage(channel="G0SECRET", text="hush")
        shown = client.chat_postEphemeral(channel="C0FIN", user="U0ASKER", text="psst")
        ts = client.chat_postMessage(channel="C0FIN", text="one")["ts"]
        client.chat_update(channel="C0FIN", ts=ts, text="two")
        client.chat_delete(channel="C0FIN", ts=ts)

        psst, one, two = (requester("message") for _ in range(3))
        assert psst["message"]["ts"] == shown["message_ts"]
        assert (one["message"]["text"], one["new"], one["announce"]) == ("one", True, None)
        assert (two["message"]["text"], two["new"], two["announce"]) == ("two", False, "two")
        assert requester("gone")["ts"] == ts
        assert [approver("message")["message"]["text"] for _ in range(3)] == ["hush", "one", "two"]
        assert one["seq"] < two["seq"]


def test_what_concerns_one_person_is_not_even_hinted_at_to_others(slack, client, feed):
    shown = client.chat_postEphemeral(channel="C0FIN", user="U0ASKER", text="psst")
    passed = []
    with feed("approver-1") as next_of:
        slack.acting("requester").do("dismiss", channel="C0FIN", ts=shown["message_ts"])
        slack.acting("requester").say("C0FIN", "/nothing")
        client.views_publish(user_id="U0ASKER", view={"type": "home", "blocks": []})
        client.chat_postMessage(channel="C0FIN", text="for all")
        assert next_of("message", passed=passed)["message"]["text"] == "for all"

    assert set(passed) <= {"panels", "clock"}


def test_a_reply_is_followed_by_its_root(slack, client, feed):
    root = client.chat_postMessage(channel="C0FIN", text="root")["ts"]
    with feed("requester") as next_of:
        client.chat_postMessage(channel="C0FIN", text="reply", thread_ts=root)

        assert next_of("message")["message"]["thread_ts"] == root
        again = next_of("message")["message"]
        assert (again["ts"], again["reply_count"]) == (root, 1)


def test_windows_home_and_the_apps_coming_and_going_are_live(slack, client, feed, robot):
    with feed("requester") as next_of:
        asker = slack.acting("requester")
        asker.say("C0FIN", "/probe x")
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Hi"}, "blocks": []}
        client.views_open(trigger_id=robot.last("command")["trigger_id"], view=view)
        assert [each["title"]["text"] for each in next_of("modals")["modals"]] == ["Hi"]
        client.views_publish(user_id="U0ASKER", view={"type": "home", "blocks": []})
        assert next_of("home")["home"]["type"] == "home"
        slack.archive("quiet")
        assert [each["is_archived"] for each in next_of("channels")["channels"]].count(True) == 1
        robot.close()
        assert next_of("app")["connected"] is False
        slack.reset()
        assert next_of("reset")


def test_the_feed_turns_strangers_away(slack):
    address = slack.url.replace("http", "ws")
    with pytest.raises(InvalidStatus), connect(f"{address}/page/live?as=stranger"):
        pass
    with pytest.raises(InvalidStatus), connect(f"{address}/page/live", origin="http://evil"):
        pass


# The door


@pytest.mark.parametrize("path", ["/page/state", "/control/calls", "/", "/api/auth.test"])
def test_another_host_or_origin_is_turned_away(slack, path):
    assert get(slack, path, Host="evil.example")[0].status == 403
    assert get(slack, path, Origin="http://evil.example")[0].status == 403
    assert get(slack, path, Origin="null")[0].status == 403


def test_the_pages_own_origin_may_act_and_plain_forms_may_not(slack):
    body = {"channel": "C0FIN", "text": "hi"}
    assert post(slack, "/page/send?as=requester", body, Origin=slack.url)[0] == 200
    headers = {"Content-Type": "text/plain"}
    assert post(slack, "/page/send?as=requester", body, **headers)[0] == 400
    assert post(slack, "/page/send?as=requester", [1])[0] == 400


def test_files_are_served_fresh_and_under_a_strict_policy(slack):
    answer, text = get(slack, "/?as=requester&channel=C0FIN")

    assert answer.status == 200
    assert "<html" in text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for path in ("/..%2fserver.py", "/server.py", "/nothing.js", "/.hidden.js"):
        assert get(slack, path)[0].status == 404


# Control


def test_tests_from_outside_can_look_and_break_things(slack, client):
    client.chat_postMessage(channel="C0FIN", text="hello")

    calls = told(slack, "/control/calls?method=chat.postMessage")["calls"]
    assert calls[0]["arguments"]["text"] == "hello"
    assert told(slack, "/control/messages?channel=C0FIN")["messages"][0]["text"] == "hello"
    fault = {"kind": "server_error", "method": "chat.*"}
    assert post(slack, "/control/arm", fault)[0] == 200
    assert told(slack, "/control/faults")["faults"][0]["method"] == "chat.*"
    assert json.loads(post(slack, "/control/arm", {"kind": "flood"})[1])["error"] == "no_such_fault"
    post(slack, "/control/clear", {})
    assert told(slack, "/control/faults")["faults"] == []
    post(slack, "/control/archive", {"channel": "C0FIN"})
    assert slack.acting("requester").state()["channels"][0]["is_archived"] is True
    post(slack, "/control/kick", {"channel": "C0FIN"})
    assert slack.acting("requester").state()["channels"][0]["bot_is_member"] is False
    payload = {"text": "x", "blocks": [{"type": "banner"}]}
    answer = post(slack, "/control/validate", {"surface": "message", "payload": payload})
    assert json.loads(answer[1])["problems"][0]["code"] == "unknown_type"
    post(slack, "/control/reset", {})
    assert slack.messages("finops") == []
    assert told(slack, "/control/deliveries")["deliveries"] == []
    assert told(slack, "/control/refused")["refused"] == []
