"""How things reach the app: sockets by turns, three seconds, retries, and what people see."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from slack_bolt import App
from slack_bolt.request import BoltRequest
from slack_sdk import WebClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.localslack.server import Fault
from tests.localslack.robot import SILENCE, Robot


def test_a_socket_says_hello_and_echoes_pings(robot):
    assert robot.hello["type"] == "hello"
    assert robot.hello["connection_info"] == {"app_id": "A0LOCAL"}
    assert robot.ping("sdk-ping-pong:1795399920.1") is True


def test_a_ticket_opens_one_socket(slack):
    client = WebClient(token=slack.app_token, base_url=slack.api_url)
    address = client.apps_connections_open(app_token=slack.app_token)["url"]

    with connect(address) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "hello"
        with pytest.raises(InvalidStatus), connect(address):
            pass


def test_two_sockets_take_turns(slack, robot):
    second = Robot(slack).connect()
    assert second.hello["num_connections"] == 2
    for number in range(4):
        slack.acting("requester").say("C0FIN", f"/probe {number}")

    assert [each["text"] for each in robot.payloads("command")] == ["0", "2"]
    assert [each["text"] for each in second.payloads("command")] == ["1", "3"]
    second.close()


def test_a_command_has_the_fields_that_slack_sends(slack, robot):
    slack.acting("requester").say("C0FIN", "/probe for @approver-1 in #quiet")

    command = robot.last("command")
    assert command["text"] == "for <@U0FIRST|approver-1> in <#C0QUIET|quiet>"
    assert command["is_enterprise_install"] == "false"
    assert set(command) == {
        "token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name",
        "command", "text", "api_app_id", "is_enterprise_install", "response_url", "trigger_id",
    }  # fmt: skip


def test_a_command_without_should_escape_gets_what_was_typed(slack, robot):
    slack.acting("requester").say("C0FIN", "/raw @approver-1 <b>")

    assert robot.last("command")["text"] == "@approver-1 <b>"


def test_without_an_ack_the_person_is_told_and_nothing_repeats(slack, robot):
    robot.answers["/probe"] = SILENCE

    answer = slack.acting("requester").say("C0FIN", "/probe x")

    sentence = (
        "Probe did not answer within 3 seconds (operation_timeout). Nothing is known about your"
        " click; look before you repeat it."
    )
    assert answer == {
        "ok": False,
        "error": "operation_timeout",
        "sentence": sentence,
        "shown": True,
    }
    assert slack.notices("requester") == [sentence]
    assert slack.ephemerals("requester") == []
    [delivery] = slack.deliveries()
    assert (delivery.acked, delivery.error) == (False, "operation_timeout")


def test_an_ack_that_comes_late_is_as_good_as_none(slack, robot):
    slack.arm(Fault(kind="ack_late"))
    asker = slack.acting("requester")

    assert asker.say("C0FIN", "/probe x")["error"] == "operation_timeout"
    assert asker.say("C0FIN", "/probe x") == {"ok": True}
    assert len(robot.payloads("command")) == 2


def test_without_a_socket_the_person_is_told_at_once(slack):
    answer = slack.acting("requester").say("C0FIN", "/probe x")

    assert answer["error"] == "dispatch_failed"
    assert slack.connected is False


def test_an_ack_may_carry_the_answer_to_a_command(slack, robot):
    robot.answers["/probe"] = {"text": "at once"}

    slack.acting("requester").say("C0FIN", "/probe x")

    assert [each["text"] for each in slack.ephemerals("requester")] == ["at once"]


def test_an_unknown_command_stays_in_slack(slack, robot):
    answer = slack.acting("requester").say("C0FIN", "/nothing")

    assert (answer["error"], answer["shown"]) == ("unknown_command", True)
    assert robot.got == []


def test_an_unacked_event_comes_again_with_its_attempt(slack, robot, until):
    silent = iter([SILENCE, None])
    robot.answers["app_home_opened"] = lambda payload: next(silent)

    slack.acting("requester").open_home()

    until(lambda: len(robot.got) == 2)
    first, second = robot.got
    assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
    assert second["retry_reason"] == "http_timeout"
    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    until(lambda: [each.acked for each in slack.deliveries()] == [False, True])


def test_events_tell_of_home_joining_and_archiving(slack, robot, until):
    slack.acting("requester").open_home()
    slack.invite("finops", "outsider")
    slack.archive("finops")

    until(lambda: len(robot.got) == 3)
    opened, joined, archived = (each["payload"]["event"] for each in robot.got)
    assert (opened["type"], opened["user"], opened["tab"]) == ("app_home_opened", "U0ASKER", "home")
    assert (joined["type"], joined["user"]) == ("member_joined_channel", "U0OUT")
    assert (archived["type"], archived["channel"]) == ("channel_archive", "C0FIN")
    assert robot.got[0]["payload"]["authorizations"][0]["is_bot"] is True


def test_the_app_is_told_when_it_is_invited(slack, robot, until):
    slack.acting("requester").say("C0QUIET", "/invite @probe")

    until(lambda: robot.got)
    event = robot.got[0]["payload"]["event"]
    assert (event["user"], event["channel"], event["inviter"]) == (
        "U0LOCALBOT",
        "C0QUIET",
        "U0ASKER",
    )


def test_goodbye_gives_its_reason_and_then_closes(slack, robot, until):
    slack.disconnect(reason="link_disabled")

    until(lambda: robot.said_goodbye == "link_disabled")
    until(lambda: slack.sockets == 0)


def test_an_abrupt_cut_says_nothing(slack, robot, until):
    slack.disconnect(abrupt=True)

    until(lambda: slack.sockets == 0)
    assert robot.said_goodbye is None


def test_a_socket_cut_while_something_is_sent_leaves_the_person_without_answer(slack, robot):
    slack.arm(Fault(kind="socket_cut"))

    assert slack.acting("requester").say("C0FIN", "/probe x")["error"] == "operation_timeout"
    assert robot.got == []


# Over HTTP


class Endpoint(HTTPServer):
    """Bolt behind the plainest of servers; it checks every signature itself."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.app = None
        self.headers_seen = []
        self.statuses = []
        self.forced = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/slack/events"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {name: [value] for name, value in self.headers.items()}
        self.server.headers_seen.append(dict(self.headers))
        if self.server.forced:
            self.send_response(self.server.forced.pop(0))
            self.end_headers()
            return
        answer = self.server.app.dispatch(BoltRequest(body=body, headers=headers))
        self.server.statuses.append(answer.status)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.first_headers().get("content-type", "text/plain"))
        self.end_headers()
        self.wfile.write((answer.body or "").encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def endpoint():
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def served(start, endpoint):
    slack = start(events_url=endpoint.url)
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    endpoint.app = App(
        client=client, signing_secret=slack.signing_secret, process_before_response=True
    )
    return slack


def test_bolt_accepts_the_signature_of_commands_events_and_clicks(served, endpoint, until):
    clicks, opened = [], []

    @endpoint.app.command("/probe")
    def probe(ack):
        ack("by HTTP")

    @endpoint.app.action("go")
    def go(ack, body):
        ack()
        clicks.append(body["actions"][0]["value"])

    @endpoint.app.event("app_home_opened")
    def home(event):
        opened.append(event["user"])

    asker = served.acting("requester")
    assert asker.say("C0FIN", "/probe x") == {"ok": True}
    assert [each["text"] for each in served.ephemerals("requester")] == ["by HTTP"]

    button = {"type": "button", "action_id": "go", "value": "7"}
    button["text"] = {"type": "plain_text", "text": "Go"}
    client = WebClient(token=served.bot_token, base_url=served.api_url)
    blocks = [{"type": "actions", "elements": [button]}]
    client.chat_postMessage(channel="C0FIN", text="x", blocks=blocks)
    assert asker.click(served.messages("finops")[0], "Go") == {"ok": True}
    asker.open_home()

    until(lambda: opened == ["U0ASKER"])
    assert clicks == ["7"]
    assert set(endpoint.statuses) == {200}


def test_another_secret_is_turned_away_by_bolt(served, endpoint):
    endpoint.app = App(
        client=endpoint.app.client, signing_secret="another", process_before_response=True
    )

    assert served.acting("requester").say("C0FIN", "/probe x")["error"] == "dispatch_failed"
    assert endpoint.statuses == [401]


def test_a_failed_event_is_posted_again_with_its_number(served, endpoint, until):
    endpoint.forced = [500]

    served.acting("requester").open_home()

    until(lambda: len(endpoint.headers_seen) == 2)
    first, second = endpoint.headers_seen
    assert "X-Slack-Retry-Num" not in first
    assert (second["X-Slack-Retry-Num"], second["X-Slack-Retry-Reason"]) == ("1", "http_error")


def test_nobody_listening_is_no_connection(start, endpoint):
    slack = start(events_url="http://127.0.0.1:9/slack/events")

    assert slack.acting("requester").say("C0FIN", "/probe x")["error"] == "dispatch_failed"
    assert slack.connected is False
