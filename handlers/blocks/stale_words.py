"""Why a request is stale, in a few words: figures, other facts, who approved it, or the settings.

The whole sentence is kept with the request; its beginning tells what it is about.
"""

from bot.billing.worst import COUPONS, FEE, REFUND

FIGURES_WORSE = "the figures got worse"
FACTS_CHANGED = "the facts changed"
SETTINGS_CHANGED = "the settings changed"

_APPROVAL = {
    "An approval of it does not count": "an approval no longer counted",
    "Breaking the glass for it does not count": "breaking the glass no longer counted",
    "Slack does not show who is in": "nobody knew who may approve",
}
"""Where nothing was read at the cloud: approvals are looked at before."""


def because(problem: str | None, *, account: str) -> str:
    """What a headline says of why; figures where an earlier Lapse kept no sentence."""
    if (problem or REFUND).startswith((REFUND, FEE, COUPONS)):
        return FIGURES_WORSE
    said = problem or ""
    if said.startswith((f"{account} is set ", "The settings ask for ")):
        return SETTINGS_CHANGED
    found = (words for begins, words in _APPROVAL.items() if said.startswith(begins))
    return next(found, FACTS_CHANGED)
