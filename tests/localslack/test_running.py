"""Starting, stopping and being killed: what is kept and what is refused."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from slack_sdk import WebClient

from bot.localslack.guard import RealWorkspaceConfigured, refuse_beside_real_tokens
from bot.localslack.server import PortInUse

ROOT = Path(__file__).parents[2]
SERVE = """
import sys, threading
from pathlib import Path
from bot.localslack.server import LocalSlack
from tests.localslack.conftest import SEED, HandClock
slack = LocalSlack(seed=SEED, data=Path(sys.argv[1]), clock=HandClock())
slack.start()
print(slack.api_url, slack.bot_token, flush=True)
threading.Event().wait()
"""


def killed_after(data, work):
    """Runs `work(client)` against a local Slack in a process of its own, then kills it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(data)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        url, token = process.stdout.readline().split()
        work(WebClient(token=token, base_url=url, retry_handlers=[]))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return token


def test_a_killed_workspace_goes_on_where_it_was(tmp_path, start):
    stamps = []

    def work(client):
        metadata = {"event_type": "probe", "event_payload": {"id": "1"}}
        stamps.append(client.chat_postMessage(channel="C0FIN", text="a", metadata=metadata)["ts"])
        client.chat_postMessage(channel="C0FIN", text="b", thread_ts=stamps[0])
        client.chat_update(channel="C0FIN", ts=stamps[0], text="A")
        gone = client.chat_postMessage(channel="C0FIN", text="c")["ts"]
        client.chat_delete(channel="C0FIN", ts=gone)
        client.chat_postEphemeral(channel="C0FIN", user="U0ASKER", text="psst")
        client.views_publish(user_id="U0ASKER", view={"type": "home", "blocks": []})
        stamps.append(gone)

    token = killed_after(tmp_path / "slack", work)
    slack = start()

    assert slack.bot_token == token
    assert [each["text"] for each in slack.messages("finops")] == ["A", "b"]
    assert slack.messages("finops")[0]["metadata"]["event_payload"] == {"id": "1"}
    assert [each["text"] for each in slack.ephemerals("requester")] == ["psst"]
    assert slack.home("requester")["type"] == "home"
    client = WebClient(token=token, base_url=slack.api_url)
    assert client.chat_postMessage(channel="C0FIN", text="d")["ts"] > stamps[1]


def test_unread_marks_members_and_archives_outlive_a_stop(start):
    slack = start()
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    client.chat_postMessage(channel="C0FIN", text="a")
    slack.acting("requester").do("read", channel="C0FIN")
    slack.invite("quiet")
    slack.archive("quiet")
    slack.stop()

    again = start()

    lines = {each["id"]: each for each in again.acting("requester").state()["channels"]}
    assert lines["C0FIN"]["unread"] == 0
    assert lines["C0QUIET"]["bot_is_member"] is True
    assert lines["C0QUIET"]["is_archived"] is True
    again_lines = {each["id"]: each for each in again.acting("approver-1").state()["channels"]}
    assert again_lines["C0FIN"]["unread"] == 1


def test_reset_forgets_all_but_the_tokens(start, tmp_path):
    slack = start()
    token = slack.bot_token
    client = WebClient(token=token, base_url=slack.api_url)
    client.chat_postMessage(channel="C0FIN", text="a")
    client.views_publish(user_id="U0ASKER", view={"type": "home", "blocks": []})
    slack.kick("finops")

    slack.reset()

    assert slack.messages("finops") == []
    assert slack.home("requester") is None
    assert client.chat_postMessage(channel="C0FIN", text="b")["ok"]
    assert slack.calls("views.publish") == ()
    slack.stop()
    assert start().bot_token == token


def test_a_taken_port_is_named(start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"Port {port} is in use"):
            start(port=port)


def test_it_listens_on_the_loopback_alone(start):
    slack = start()
    port = int(slack.url.rpartition(":")[2])

    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection((_outside(), port), timeout=1),
    ):
        pass


def _outside():
    """An address of this machine beside the loopback's first."""
    return "127.0.0.2"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1-2-3"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_APP_TOKEN": "anything"}, "SLACK_APP_TOKEN"),
        ({"SLACK_USER_TOKEN": "xoxp-1"}, "SLACK_USER_TOKEN"),
    ],
)
def test_it_does_not_start_beside_a_real_workspace(environ, name):
    with pytest.raises(RealWorkspaceConfigured) as caught:
        refuse_beside_real_tokens(environ)

    assert str(caught.value) == (
        f"`{name}` is set; the local Slack does not start beside a real workspace."
        " Unset it, start again."
    )


def test_its_own_tokens_and_empty_ones_are_no_hindrance(slack):
    refuse_beside_real_tokens({})
    refuse_beside_real_tokens({"SLACK_BOT_TOKEN": "", "SLACK_API_URL": "http://127.0.0.1/"})
    refuse_beside_real_tokens({"SLACK_BOT_TOKEN": slack.bot_token, "OTHER": "xoxb-1"})
