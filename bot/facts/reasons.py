"""The cloud's reasons (R51) in words that a person would choose by."""

from collections.abc import Mapping

from bot.billing.unsubscription import Reason

REASONS: Mapping[Reason, str] = {
    Reason.HARD_TO_USE: "Hard to use",
    Reason.FEATURES_INSUFFICIENT: "Features are not enough",
    Reason.TOO_COMPLEX: "Too complex to operate",
    Reason.DISSATISFIED: "Not satisfied with the service",
    Reason.OTHER: "Other",
}
