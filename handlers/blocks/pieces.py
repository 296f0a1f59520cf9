"""The small parts that every conversation's blocks are put together from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    HeaderBlock,
    InteractiveElement,
    MarkdownTextObject,
    PlainTextObject,
    RichTextBlock,
    RichTextElement,
    RichTextElementParts,
    RichTextPreformattedElement,
    RichTextQuoteElement,
    RichTextSectionElement,
    SectionBlock,
)
from slack_sdk.models.views import View

from bot.facts.erased import ERASED
from handlers import paging
from handlers.paging import Paging

HEADER = 150
LABEL = 75
TITLE = 24
MAY_REPEAT = "May repeat an earlier message."
DRY_RUN = "Dry run: nothing is changed at the cloud."


class Content(NamedTuple):
    """A message: what a screen reader reads, the blocks, and a title where it opens as a modal."""

    text: str
    blocks: list[Block]
    title: str = "Lapse"


@dataclass(frozen=True, slots=True)
class Bold:
    """Text in bold, never parsed."""

    text: str


@dataclass(frozen=True, slots=True)
class Who:
    """A person, shown as a mention."""

    user: str


@dataclass(frozen=True, slots=True)
class Where:
    """A channel, shown by its name."""

    channel: str


@dataclass(frozen=True, slots=True)
class Link:
    """An address, shown as it is and to be followed; never with other words in front of it."""

    url: str


Part = str | Bold | Who | Where | Link
Line = Sequence[Part]
"""One line of a rich text block; plain strings are foreign text and never parsed."""


def cut(text: str, limit: int) -> str:
    """Shorten to a limit of characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def header(text: str, *, emoji: str = "", dry_run: bool = False) -> HeaderBlock:
    """A header: the emoji's name first, then the state word; `Dry run:` before everything else."""
    words = f"Dry run: {text}" if dry_run else text
    whole = f":{emoji}: {words}" if emoji else words
    return HeaderBlock(text=PlainTextObject(text=cut(whole, HEADER), emoji=bool(emoji)))


def mrkdwn(text: str) -> MarkdownTextObject:
    """Mrkdwn in which nothing but our own marks comes alive."""
    return MarkdownTextObject(text=text, verbatim=True)


def section(
    text: str, *, accessory: InteractiveElement | None = None, block_id: str | None = None
) -> SectionBlock:
    """A section of mrkdwn; foreign text in it must have passed `text.esc()` before."""
    return SectionBlock(text=mrkdwn(cut(text, 3000)), accessory=accessory, block_id=block_id)


def fields(*pairs: tuple[str, str]) -> SectionBlock:
    """Pairs of a bold name and its value, two a row; at most ten."""
    return SectionBlock(fields=[mrkdwn(f"*{name}*\n{value}") for name, value in pairs[:10]])


def context(*lines: str) -> ContextBlock:
    """The small print: each line is one element of mrkdwn."""
    return ContextBlock(elements=[mrkdwn(line) for line in lines if line][:10])


def repeating(content: Content) -> Content:
    """The same, saying below its headline that it may repeat an earlier message."""
    blocks = [*content.blocks[:1], context(MAY_REPEAT), *content.blocks[1:]]
    return Content(f"{content.text} {MAY_REPEAT}", blocks, content.title)


def rich(*lines: Line) -> RichTextBlock:
    """Lines of rich text, where foreign text is never parsed."""
    return RichTextBlock(elements=[_section(lines)])


def quoted(before: Sequence[Line], text: str) -> RichTextBlock:
    """Lines, then foreign text as a quotation; only the lines when there is none."""
    return quotations((before, text))


def quotations(*parts: tuple[Sequence[Line], str]) -> RichTextBlock:
    """Several of these in one block."""
    elements: list[RichTextElement] = []
    for before, text in parts:
        elements += [_section(before)] if before else []
        elements += [RichTextQuoteElement(elements=[_text(text)])] if text else []
    return RichTextBlock(elements=elements)


def preformatted(title: str, lines: Sequence[str]) -> RichTextBlock:
    """A title in bold, when there is one, and lines whose columns stay where they are."""
    elements: list[RichTextElement] = [_section([(Bold(title),)])] if title else []
    elements.append(RichTextPreformattedElement(elements=[_text("\n".join(lines))]))
    return RichTextBlock(elements=elements)


def button(
    text: str,
    action_id: str,
    value: str,
    *,
    says: str,
    style: str | None = None,
    confirm: ConfirmObject | None = None,
    url: str | None = None,
) -> ButtonElement:
    """A button; `says` is what a screen reader says instead of the label, naming the thing."""
    return ButtonElement(
        text=PlainTextObject(text=text),
        action_id=action_id,
        value=value or None,
        style=style,
        confirm=confirm,
        url=url,
        accessibility_label=cut(says, LABEL),
    )


def pagers(
    *, previous: Paging | None, following: Paging | None, of: str, next_id: str, previous_id: str
) -> list[ButtonElement]:
    """Next and Previous, where there is one."""
    found = []
    if following is not None:
        value, says = paging.write(following), f"Next page of {of}"
        found.append(button("Next", next_id, value, says=says))
    if previous is not None:
        value, says = paging.write(previous), f"Previous page of {of}"
        found.append(button("Previous", previous_id, value, says=says))
    return found


def confirm(title: str, text: str, yes: str) -> ConfirmObject:
    """A question before something that moves money; going back is always possible."""
    return ConfirmObject(
        title=PlainTextObject(text=cut(title, 100)),
        text=PlainTextObject(text=cut(text, 300)),
        confirm=PlainTextObject(text=yes),
        deny=PlainTextObject(text="Go back"),
    )


def actions(*elements: InteractiveElement | None, block_id: str | None = None) -> list[Block]:
    """The row of buttons, or nothing when there is none to press."""
    present = [element for element in elements if element is not None]
    return [ActionsBlock(elements=present, block_id=block_id)] if present else []


def modal(
    title: str,
    blocks: Sequence[Block],
    *,
    close: str,
    callback_id: str = "",
    submit: str | None = None,
    metadata: str = "",
    dry_run: bool = False,
) -> View:
    """A modal; `close` is always said, a dry run in the title where it fits and always below."""
    words = f"Dry run: {title[0].lower()}{title[1:]}"
    if not dry_run or len(words) > TITLE:
        words = title
    small_print: list[Block] = [context(DRY_RUN)] if dry_run else []
    return View(
        type="modal",
        callback_id=callback_id or None,
        title=PlainTextObject(text=cut(words, TITLE)),
        submit=PlainTextObject(text=submit) if submit else None,
        close=PlainTextObject(text=close),
        private_metadata=metadata or None,
        blocks=[*blocks, *small_print],
    )


def _section(lines: Sequence[Line]) -> RichTextSectionElement:
    elements: list[RichTextElement] = []
    for number, line in enumerate(lines):
        if number:
            elements.append(_text("\n"))
        elements.extend(_part(part) for part in line if part != "")
    return RichTextSectionElement(elements=elements)


def _part(part: Part) -> RichTextElement:
    if isinstance(part, Bold):
        return RichTextElementParts.Text(text=part.text, style={"bold": True})
    if isinstance(part, Who) and part.user != ERASED:
        return RichTextElementParts.User(user_id=part.user)
    if isinstance(part, Where):
        return RichTextElementParts.Channel(channel_id=part.channel)
    if isinstance(part, Link):
        return RichTextElementParts.Link(url=part.url, text=part.url)
    return _text(part.user if isinstance(part, Who) else part)


def _text(text: str) -> RichTextElement:
    return RichTextElementParts.Text(text=text)
