"""The three steps that show a newcomer what Lapse does, ticked off as they are really done."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block, ButtonElement, SectionBlock

from bot.facts.messages import Tour
from handlers import ids, text
from handlers.blocks.pieces import Content, actions, button, context, header, section

TITLE = "Try Lapse in three steps"
SPOKEN = (
    "Try Lapse in three steps: see what will be deducted, ask to unsubscribe, approve as someone "
    "else. Nothing here leaves this machine."
)
NEXT = "Done. Next: let the cloud fail, move the clock to the next reminder, open Lapse's Home."
SKIPPED = "The tour is put away. `/lapse help` shows what Lapse can do."


def tour(facts: Tour) -> Content:
    """The tour with what is done so far; without steps once it was skipped."""
    if facts.skipped:
        return Content(f"{TITLE}: skipped.", [header(TITLE), section(SKIPPED)])
    done = sum((facts.seen, facts.asked, facts.decided))
    small_print = f"{done} of 3 done · practice workspace: nothing leaves this machine"
    over = done == len(_steps(facts))
    blocks: list[Block] = [
        header(TITLE),
        *_steps(facts),
        *([section(NEXT)] if over else []),
        context(small_print),
        *actions(None if over else _skip()),
    ]
    spoken = f"{SPOKEN} {done} of 3 done.{f' {NEXT}' if over else ''}" if done else SPOKEN
    return Content(spoken, blocks)


def _steps(facts: Tour) -> Sequence[SectionBlock]:
    packages = len(facts.subject_ids) - 1
    along = f" and its {text.plural(packages, 'package')}" if packages > 0 else ""
    return (
        _step(
            "1 See what will be deducted.",
            "Press the button or type `/lapse upcoming`.",
            done=facts.seen,
            accessory=button(
                "Upcoming deductions", ids.UPCOMING, "30", says="Show upcoming deductions"
            ),
        ),
        _step(
            "2 Ask to unsubscribe",
            f"from SecMaster Professional{along}.",
            done=facts.asked,
            accessory=_unsubscribe(facts),
        ),
        _step(
            "3 Decide as someone else.",
            f"At the top, act as Approver 1. Open {text.channel(facts.approvals_channel)}, "
            "press Approve, then move the clock by 5 minutes.",
            done=facts.decided,
        ),
    )


def _step(
    title: str, words: str, *, done: bool, accessory: ButtonElement | None = None
) -> SectionBlock:
    state = "Done: " if done else ""
    return section(f"*{state}{title}* {words}", accessory=accessory)


def _unsubscribe(facts: Tour) -> ButtonElement | None:
    if not facts.subject_ids:
        return None
    says = "Unsubscribe SecMaster Professional and its packages"
    return button("Unsubscribe…", ids.UNSUBSCRIBE, facts.subject_ids[0], says=says)


def _skip() -> ButtonElement:
    return button("Skip the tour", ids.TOUR_SKIP, "skip", says="Skip the tour")
