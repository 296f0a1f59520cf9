"""A small app on slack_bolt, so that the page is tried on the path that every app takes."""

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

Json = dict[str, Any]

MANIFEST: Json = {
    "display_information": {"name": "Practice"},
    "features": {
        "bot_user": {"display_name": "Practice"},
        "slash_commands": [
            {
                "command": "/practice",
                "description": "Tries what the page can show",
                "usage_hint": "form | secret | help",
            }
        ],
    },
}
FOREIGN = "<script>document.title = 'alive'</script> <!channel> <https://evil.example|Pay>"


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """A mrkdwn text object."""
    return {"type": "mrkdwn", "text": text}


def button(action: str, text: str, **more: Any) -> Json:
    """A button with a value."""
    return {"type": "button", "action_id": action, "text": plain(text), "value": "1", **more}


def options(*texts: str) -> list[Json]:
    """Options whose values are their texts."""
    return [{"text": plain(text), "value": text} for text in texts]


def rich(*elements: Json) -> Json:
    """A rich_text block."""
    return {"type": "rich_text", "elements": list(elements)}


def words(text: str, **style: bool) -> Json:
    """A leaf of rich text, never parsed."""
    return {"type": "text", "text": text, **({"style": style} if style else {})}


EVERY_BLOCK: list[Json] = [
    {"type": "header", "text": plain(":bell: Every block")},
    {
        "type": "section",
        "text": mrkdwn("*bold* _italic_ ~strike~ `code` <https://example.com|a link> <@U0OWNER>"),
        "accessory": {
            "type": "overflow",
            "action_id": "more",
            "options": options("Show", "Keep"),
        },
    },
    {"type": "section", "fields": [mrkdwn("*Paid*\nUSD 540.00"), mrkdwn("*Fee*\nUSD 54.00")]},
    rich(
        {"type": "rich_text_section", "elements": [words(FOREIGN)]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [
                {"type": "rich_text_section", "elements": [words("a point", bold=True)]},
            ],
        },
        {"type": "rich_text_quote", "elements": [words("a quote")]},
        {"type": "rich_text_preformatted", "elements": [words("Paid  USD 540.00")]},
    ),
    {"type": "divider"},
    {
        "type": "context",
        "elements": [mrkdwn("<!date^1795978800^{date_num} {time}|Sun 29 Nov, 19:00 UTC>")],
    },
    {
        "type": "actions",
        "elements": [
            button("go", "Go on", style="primary"),
            {
                "type": "static_select",
                "action_id": "pick",
                "placeholder": plain("Choose one"),
                "options": options("First", "Second"),
            },
            {"type": "checkboxes", "action_id": "tick", "options": options("Tick me")},
            {"type": "radio_buttons", "action_id": "ray", "options": options("This", "That")},
            {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-30"},
            {"type": "timepicker", "action_id": "hour", "initial_time": "09:00"},
            {"type": "users_select", "action_id": "who", "placeholder": plain("Choose a person")},
        ],
    },
    {
        "type": "input",
        "label": plain("Remark"),
        "element": {"type": "plain_text_input", "action_id": "remark", "multiline": True},
        "optional": True,
    },
    {
        "type": "image",
        "image_url": "https://pictures.example/none.png",
        "alt_text": "A chart of deductions",
    },
]

FORM: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("A form"),
    "submit": plain("Send"),
    "close": plain("Go back"),
    "blocks": [
        {
            "type": "input",
            "block_id": "subject",
            "label": plain("Subject"),
            "element": {
                "type": "external_select",
                "action_id": "subject",
                "placeholder": plain("Which one?"),
                "min_query_length": 0,
            },
            "optional": True,
        },
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {
                "type": "static_select",
                "action_id": "reason",
                "placeholder": plain("Choose a reason"),
                "options": options("Too dear", "Other"),
            },
            "dispatch_action": True,
        },
        {
            "type": "input",
            "block_id": "details",
            "label": plain("Details"),
            "element": {"type": "plain_text_input", "action_id": "details", "multiline": True},
            "optional": True,
        },
    ],
}


FILE_FORM: Json = {
    "type": "modal",
    "callback_id": "file",
    "title": plain("A file"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "proof",
            "label": plain("Proof"),
            "element": {"type": "file_input", "action_id": "proof", "max_files": 1},
        }
    ],
}


def question(state: str = "") -> list[Json]:
    """A message with a button that asks first, or what became of it."""
    if state:
        return [{"type": "section", "text": mrkdwn(state)}]
    confirm = {
        "title": plain("Turn it off?"),
        "text": plain("It ends on Mon 30 Nov 2026."),
        "confirm": plain("Turn off"),
        "deny": plain("Go back"),
    }
    return [
        {"type": "section", "text": mrkdwn("It is on.")},
        {"type": "actions", "elements": [button("off", "Turn it off", confirm=confirm)]},
    ]


class Practice:
    """The app, connected by Socket Mode to the Slack at `api`."""

    def __init__(self, api: str, *, bot_token: str, app_token: str) -> None:
        self.client = WebClient(token=bot_token, base_url=api)
        self.submitted: list[Json] = []
        app = App(client=self.client)
        app.command("/practice")(self._command)
        app.action("off")(self._turn_off)
        app.action("reason")(self._reason)
        app.options("subject")(lambda ack: ack(options=options("Large screen", "Small screen")))
        app.view("form")(self._submit)
        app.view("file")(self._take)
        self._socket = SocketModeHandler(app, app_token)

    def connect(self) -> None:
        """Open the socket; returns when the other side said hello."""
        self._socket.connect()

    def close(self) -> None:
        """Close the socket for good."""
        self._socket.close()

    def post(self, channel: str, text: str, blocks: list[Json] | None = None) -> str:
        """Post a message; answers its ts."""
        answer = self.client.chat_postMessage(channel=channel, text=text, blocks=blocks)
        return str(answer["ts"])

    def _command(self, ack: Ack, command: Json, respond: Respond) -> None:
        ack()
        forms = {"form": FORM, "file": FILE_FORM}
        if command["text"] in forms:
            view = forms[command["text"]]
            self.client.views_open(trigger_id=command["trigger_id"], view=view)
        else:
            respond(text=f"You wrote: {command['text']}", replace_original=False)

    def _turn_off(self, ack: Ack, body: Json) -> None:
        ack()
        text = f"<@{body['user']['id']}> turned it off."
        self.client.chat_update(
            channel=body["channel"]["id"],
            ts=body["message"]["ts"],
            text=text,
            blocks=question(text),
        )

    def _reason(self, ack: Ack, body: Json) -> None:
        ack()
        note = {"type": "section", "text": mrkdwn("Say more under Details.")}
        view = FORM | {"blocks": [note, *FORM["blocks"]]}
        self.client.views_update(view_id=body["view"]["id"], view=view)

    def _take(self, ack: Ack, view: Json) -> None:
        ack()
        self.submitted.append(view["state"]["values"])

    def _submit(self, ack: Ack, view: Json) -> None:
        values = view["state"]["values"]
        if not values["details"]["details"]["value"]:
            ack(response_action="errors", errors={"details": "Say in a few words why."})
            return
        self.submitted.append(values)
        ack()
