"""Why a request is stale, in a few words: figures, other facts, who approved it, or the settings.

Also whether one that failed did so since its approvals do not count.

The whole sentence is kept with the request; its beginning tells what it is about.
"""

from bot.billing.worst import COUPONS, FEE, REFUND

FIGURES_WORSE = "the figures got worse"
FACTS_CHANGED = "the facts changed"
SETTINGS_CHANGED = "the settings changed"

_MORE_ARE_ASKED_FOR = "The settings ask for "

_APPROVAL = {
    "An approval of it does not count": "an approval no longer counted",
    "Breaking the glass for it does not count": "breaking the glass no longer counted",
    "Slack does not show who is in": "nobody knew who may approve",
}
"""Where nothing was read at the cloud: approvals are looked at before."""

_UNAPPROVED = (
    "An approval of it does not count",
    "Breaking the glass for it does not count",
    _MORE_ARE_ASKED_FOR,
)
"""Where it is known that by the settings it is approved no more, so that nothing more is sent."""


def is_unapproved(problem: str | None) -> bool:
    """Whether it says that the approvals do not count any more, or are too few by now."""
    return (problem or "").startswith(_UNAPPROVED)


def because(problem: str | None, *, account: str) -> str:
    """What a headline says of why; figures where an earlier Lapse kept no sentence."""
    if (problem or REFUND).startswith((REFUND, FEE, COUPONS)):
        return FIGURES_WORSE
    said = problem or ""
    if said.startswith((f"{account} is set ", _MORE_ARE_ASKED_FOR)):
        return SETTINGS_CHANGED
    found = (words for begins, words in _APPROVAL.items() if said.startswith(begins))
    return next(found, FACTS_CHANGED)
