"""Who did what with a subscription, newest first."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.facts.listing import HistoryLine
from handlers import text
from handlers.blocks.pieces import Bold, Line, Who, modal, rich, section
from handlers.blocks.subscriptions import plain_context

SHOWN = 40
PER_BLOCK = 10
LAPSE = "lapse"


def history(ref: str, lines: Sequence[HistoryLine]) -> View:
    """The modal *History* of one subscription."""
    newest = sorted(lines, key=lambda line: line.at, reverse=True)[:SHOWN]
    chunks = [newest[start : start + PER_BLOCK] for start in range(0, len(newest), PER_BLOCK)]
    blocks: list[Block] = [
        plain_context(f"{ref} · {_counted(len(lines))} · newest first"),
        *(rich(*(_line(each) for each in chunk)) for chunk in chunks),
    ]
    if not newest:
        blocks.append(section("Nothing has been done with it through Lapse yet."))
    return modal("History", blocks, close="Close")


def _counted(count: int) -> str:
    shown = f", the newest {SHOWN}" if count > SHOWN else ""
    return f"{text.plural(count, 'entry', 'entries')}{shown}"


def _line(line: HistoryLine) -> Line:
    request = line.facts.get("request")
    about = f" · request {request}" if request is not None else ""
    who = Who(line.actor) if line.actor.startswith(("U", "W")) else "Lapse"
    if line.actor not in {LAPSE, ""} and not isinstance(who, Who):
        who = line.actor
    return (f"{text.instant(line.at)} · ", who, " · ", Bold(_action(line.action)), about)


def _action(action: str) -> str:
    """`request.step-done` reads *step done*."""
    return action.rpartition(".")[2].replace("-", " ")
