"""The Provider port: a cloud that sells prepaid subscriptions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.subscription import Edition, Subscription


class ProviderError(Exception):
    """Something went wrong at the cloud; `sentence` says what, in words for a person.

    `request_id` is how the cloud itself calls the request that it answered, where it tells.
    """

    def __init__(self, sentence: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.request_id = request_id


class ProviderUnavailable(ProviderError):
    """Nothing was sent or nothing was changed; trying later may help."""


class ProviderRefused(ProviderError):
    """The cloud said no and changed nothing; trying again does not help by itself."""


class OutcomeUnknown(ProviderError):
    """The answer was lost: the cloud may or may not have done it. Read, never repeat blindly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One irreversible call: one to ten main ids of one account, with the cloud's reason type."""

    ids: tuple[str, ...]
    scope: Scope
    reason: int
    details: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What the cloud answered, or what reading shows, for one id.

    `request_id` is how the cloud itself calls the request that it answered, where it tells.
    """

    id: str
    accepted: bool
    gone: bool = False
    order_id: str | None = None
    error_code: str | None = None
    error: str | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """What an unsubscription order paid back, as the cloud shows it."""

    id: str
    order_id: str
    refund: Money
    handling_fee: Money
    completed_at: datetime


class Provider(Protocol):
    """A cloud account. Every method may raise ProviderUnavailable or ProviderRefused."""

    def subscriptions(self) -> Iterator[Subscription]:
        """Everything the account has, read in pages."""

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        """Those of the ids that the cloud still lists and that are not unsubscribed from."""

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        """What the cloud lists beside these, themselves among them where they belong to it.

        Quotas and packages in use of the regions of their quotas and packages, and their parts (R9,
        R35), whether or not anybody has ever read them.
        """

    def edition(self, region: str | None) -> Edition | None:
        """The current SecMaster edition of a region (R8); None where the cloud cannot say."""

    def unsubscribe(self, call: Call) -> Sequence[ItemResult]:
        """Ask the cloud once to end the subscriptions; never repeats by itself.

        Raises OutcomeUnknown when the answer was lost after the request may have arrived.
        """

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        """Read what became of a call: each id accepted since `started_at`, gone, or neither."""

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        """The refund orders of these ids that are complete."""

    def set_auto_renew(self, id: str, *, on: bool) -> None:  # noqa: A002 - the field's own word
        """Switch auto-renewal; harmless when repeated. The caller reads back."""
