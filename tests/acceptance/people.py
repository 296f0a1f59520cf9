"""People of the local Slack, acting through the page's own API, as a browser would."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

PATIENCE_SECONDS = 30
"""Only a story that fails takes so long: a busy machine must not make one fail."""
PAUSE_SECONDS = 0.01

Found = TypeVar("Found")


class NeverHappened(AssertionError):
    """What a story waited for did not come within the patience."""


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """The first thing found, an empty list being nothing; the deadline is in real seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(PAUSE_SECONDS)  # between two looks, never instead of one
    raise NeverHappened(what)


@dataclass(frozen=True, slots=True)
class Page:
    """The page's API for one acting person."""

    url: str
    handle: str

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self._ask(f"{path}?{urlencode({'as': self.handle, **query})}", None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask(f"{path}?{urlencode({'as': self.handle})}", json.dumps(body).encode())

    def _ask(self, path: str, data: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/page/{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                parsed: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode()}") from error
        return parsed


@dataclass(frozen=True, slots=True)
class File:
    """A file below a message."""

    page: Page
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def title(self) -> str:
        return str(self.data["title"])

    def content(self) -> bytes:
        """What is downloaded, as big as the page says."""
        with urllib.request.urlopen(f"{self.page.url}{self.data['url']}", timeout=30) as answer:
            content: bytes = answer.read()
        assert len(content) == self.data["size"]
        return content


@dataclass(frozen=True, slots=True)
class Message:
    """A message as one person sees it."""

    page: Page
    channel: str
    data: Mapping[str, Any]

    @property
    def ts(self) -> str:
        return str(self.data["ts"])

    @property
    def text(self) -> str:
        """What a screen reader would say."""
        return str(self.data["text"])

    @property
    def words(self) -> str:
        """Everything that is written in the blocks."""
        return " ".join(written(self.data["blocks"]))

    @property
    def header(self) -> str:
        return next(
            (block["text"]["text"] for block in self.data["blocks"] if block["type"] == "header"),
            "",
        )

    @property
    def files(self) -> list[File]:
        return [File(self.page, each) for each in self.data["files"]]

    @property
    def buttons(self) -> list[str]:
        return [
            e["text"]["text"] for _, e in elements(self.data["blocks"]) if e["type"] == "button"
        ]

    def click(self, label: str, *, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Press a button; a dialog that asks first is confirmed."""
        block, element = the_element(self.data["blocks"], label)
        return self._act(block, element, value=None, state=state)

    def choose(
        self, option: str, *, beside: str = "", state: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Choose from a menu: the one in a block that says `beside`."""
        for block, element in elements(self.data["blocks"]):
            for each in element.get("options", []):
                if each["text"]["text"] == option and beside in " ".join(written([block])):
                    return self._act(block, element, value=each["value"], state=state)
        raise AssertionError(f"no option {option!r} beside {beside!r}")

    def _act(
        self,
        block: Mapping[str, Any],
        element: Mapping[str, Any],
        *,
        value: Any,
        state: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        body = {
            "target": {"channel": self.channel, "ts": self.ts},
            "block_id": block["block_id"],
            "action_id": element["action_id"],
            "value": value,
            "state": state or {},
        }
        return self.page.post("action", body)


@dataclass(slots=True)
class Modal:
    """The top modal of one person, and what was entered into it."""

    page: Page
    view: Mapping[str, Any]
    state: dict[str, dict[str, Any]]

    @property
    def title(self) -> str:
        return str(self.view["title"]["text"])

    @property
    def words(self) -> str:
        return " ".join(written(self.view["blocks"]))

    @property
    def submit_label(self) -> str:
        return str(self.view["submit"]["text"]) if self.view.get("submit") else ""

    def enter(self, label: str, value: Any) -> dict[str, Any] | None:
        """Fill the input of a label; a choice is named by its words.

        Answers what the app's acknowledgement was when the input tells the app at once.
        """
        block = next(
            b
            for b in self.view["blocks"]
            if b["type"] == "input" and b["label"]["text"].startswith(label)
        )
        element = block["element"]
        compact = chosen(element, value)
        self.state.setdefault(block["block_id"], {})[element["action_id"]] = compact
        if not block.get("dispatch_action"):
            return None
        return self._act(block, element, compact)

    def click(self, label: str) -> dict[str, Any]:
        block, element = the_element(self.view["blocks"], label)
        return self._act(block, element, None)

    def submit(self) -> dict[str, Any]:
        return self.page.post("views/submit", {"view": self.view["id"], "state": self.state})

    def close(self) -> dict[str, Any]:
        return self.page.post("views/close", {"view": self.view["id"], "all": True})

    def _act(self, block: Mapping[str, Any], element: Mapping[str, Any], value: Any) -> Any:
        body = {
            "target": {"view": self.view["id"]},
            "block_id": block["block_id"],
            "action_id": element["action_id"],
            "value": value,
            "state": self.state,
        }
        return self.page.post("action", body)


class Persona:
    """One acting person."""

    def __init__(self, url: str, handle: str) -> None:
        self.page = Page(url, handle)
        self.handle = handle

    def channel(self, name: str) -> str:
        """The id of a channel; `Lapse` is the direct conversation with the app."""
        state = self.page.get("state")
        if name == "Lapse":
            return str(state["app"]["dm"])
        return next(str(each["id"]) for each in state["channels"] if each["name"] == name)

    def say(self, text: str, *, where: str = "finops") -> dict[str, Any]:
        """Send a message or a command, without waiting for what comes of it."""
        return self.page.post("send", {"channel": self.channel(where), "text": text})

    def command(self, text: str, *, where: str = "finops") -> Message:
        """Send a command and wait for the private answer."""
        known = {m.ts for m in self.private(where)}
        sent = self.say(text, where=where)
        assert sent["ok"], sent
        return eventually(
            lambda: next((m for m in reversed(self.private(where)) if m.ts not in known), None),
            f"an answer to {text!r}",
        )

    def messages(self, where: str) -> list[Message]:
        channel = self.channel(where)
        found = self.page.get("messages", channel=channel, limit="100")["messages"]
        return [Message(self.page, channel, each) for each in found]

    def posts(self, where: str) -> list[Message]:
        """What everybody sees."""
        return [m for m in self.messages(where) if m.data["kind"] == "message"]

    def private(self, where: str = "finops") -> list[Message]:
        """What this person alone sees."""
        return [m for m in self.messages(where) if m.data["kind"] == "ephemeral"]

    def newest(self, where: str, *, containing: str = "") -> Message:
        """The newest post that everybody sees whose text says something; waits for it."""
        return eventually(
            lambda: next(
                (m for m in reversed(self.posts(where)) if containing in m.text + m.header), None
            ),
            f"a message in {where} that says {containing!r}",
        )

    def answer(self, *, containing: str = "", where: str = "finops") -> Message:
        """The newest private answer that says something; waits for it."""
        return eventually(
            lambda: next(
                (m for m in reversed(self.private(where)) if containing in m.text + m.words), None
            ),
            f"an answer that says {containing!r}",
        )

    def thread_messages(self, root: Message) -> list[Message]:
        """The replies to a message, oldest first."""
        found = self.page.get("thread", channel=root.channel, ts=root.ts)["replies"]
        return [Message(self.page, root.channel, each) for each in found]

    def thread(self, root: Message) -> list[str]:
        """The texts of the replies to a message."""
        found = self.page.get("thread", channel=root.channel, ts=root.ts)["replies"]
        return [str(each["text"]) for each in found]

    def modal(self, *, title: str = "", containing: str = "") -> Modal:
        """The top modal, once it has that title and says that."""

        def look() -> Modal | None:
            views = self.page.get("state")["modals"]
            if not views:
                return None
            modal = Modal(self.page, views[-1], {k: dict(v) for k, v in views[-1]["state"].items()})
            return modal if title in modal.title and containing in modal.words else None

        return eventually(look, f"a modal {title!r} that says {containing!r}")

    def has_modal(self) -> bool:
        return bool(self.page.get("state")["modals"])

    def home(self, *, containing: str = "") -> str:
        """Everything that is written on the App Home, once it says that."""
        self.page.post("home", {"tab": "home"})

        def look() -> str | None:
            home = self.page.get("state")["home"]
            words = " ".join(written(home["blocks"])) if home else ""
            return words if words and containing in words else None

        return eventually(look, f"a Home that says {containing!r}")


def elements(blocks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Every interactive element with its block."""
    for block in blocks:
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(element, Mapping) and element.get("action_id"):
                yield block, element


def the_element(blocks: Sequence[Mapping[str, Any]], label: str) -> tuple[Any, Any]:
    """The button of a label, with its block."""
    labels = []
    for block, element in elements(blocks):
        if element["type"] == "button":
            labels.append(element["text"]["text"])
            if labels[-1] == label:
                return block, element
    raise AssertionError(f"no button {label!r}, there are {labels}")


def chosen(element: Mapping[str, Any], value: Any) -> Any:
    """The compact value of a choice named by its words."""
    options = {each["text"]["text"]: each["value"] for each in element.get("options", [])}
    if element["type"] == "checkboxes":
        wanted = list(options) if value is True else list(value or [])
        return [v for text, v in options.items() if any(text.startswith(w) for w in wanted)]
    if element["type"] in {"static_select", "radio_buttons"}:
        return next(v for text, v in options.items() if text.startswith(value))
    return value


def written(value: Any) -> Iterator[str]:
    """Every text in a piece of Block Kit."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == "text" and isinstance(part, str):
                yield part
            elif key == "user_id":
                yield f"<@{part}>"
            else:
                yield from written(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from written(part)
