"""An app of few words: takes what comes over one socket, answers as it was told, keeps it all."""

import contextlib
import json
import threading

from slack_sdk import WebClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

SILENCE = object()


class Robot:
    """Acks everything; `answers` by the name of a command, callback_id, action_id or event."""

    def __init__(self, slack):
        self.client = WebClient(token=slack.app_token, base_url=slack.api_url, retry_handlers=[])
        self.answers = {}
        self.got = []
        self.hello = None
        self.said_goodbye = None
        self._open = contextlib.ExitStack()
        self._socket = None
        self._thread = None

    def connect(self):
        address = self.client.apps_connections_open(app_token=self.client.token)["url"]
        self._socket = self._open.enter_context(connect(address))
        self.hello = json.loads(self._socket.recv(timeout=5))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def _listen(self):
        with contextlib.suppress(ConnectionClosed):
            for text in self._socket:
                self._take(json.loads(text))

    def _take(self, envelope):
        if envelope["type"] == "disconnect":
            self.said_goodbye = envelope["reason"]
            return
        self.got.append(envelope)
        answer = self.answers.get(_name(envelope["payload"]))
        if callable(answer):
            answer = answer(envelope["payload"])
        if answer is SILENCE:
            return
        ack = {"envelope_id": envelope["envelope_id"]}
        self._socket.send(json.dumps(ack if answer is None else {**ack, "payload": answer}))

    def ping(self, text):
        return self._socket.ping(text).wait(5)

    def payloads(self, kind):
        return [each["payload"] for each in self.got if _kind(each["payload"]) == kind]

    def last(self, kind):
        return self.payloads(kind)[-1]

    def close(self):
        if self._socket is not None:
            self._open.close()
            self._thread.join(5)


def _kind(payload):
    return payload["event"]["type"] if "event" in payload else payload.get("type", "command")


def _name(payload):
    if "event" in payload:
        return payload["event"]["type"]
    if payload.get("type") == "block_actions":
        return payload["actions"][0]["action_id"]
    if payload.get("type") == "block_suggestion":
        return payload["action_id"]
    return payload.get("command") or payload["view"]["callback_id"]
