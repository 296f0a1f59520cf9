"""Money: an exact decimal amount of one currency."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

CENT = Decimal("0.01")
NOTHING = Decimal("0.00")

HIDDEN = "amount hidden"
"""What stands for a figure that its reader may not see."""


class CurrencyMismatch(ValueError):
    """Amounts of two currencies were added or compared; Lapse never converts."""

    def __init__(self, one: "Money", other: "Money") -> None:
        super().__init__(f"{one.currency} and {other.currency} cannot be combined")


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one ISO 4217 currency; unrounded until `rounded()` is asked for."""

    amount: Decimal
    currency: str

    @staticmethod
    @cache
    def zero(currency: str) -> "Money":
        """Nothing, in a currency: nothing due is `USD 0.00`, never an absent figure."""
        return Money(NOTHING, currency)

    @staticmethod
    def hidden() -> "Money":
        """An amount that its reader may not see, without figure and currency.

        What is added to it is hidden too; comparing it raises decimal.InvalidOperation.
        """
        return Money(Decimal("NaN"), "")

    @property
    def is_hidden(self) -> bool:
        """Whether the reader may not see it; it reads *amount hidden*."""
        return self.amount.is_nan()

    def rounded(self) -> "Money":
        """Round half up to cents, as every printed figure is (billing rules, section 10)."""
        return Money(rounded(self.amount), self.currency)

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(self, other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(self, other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other).amount

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other).amount

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other).amount

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return HIDDEN if self.is_hidden else f"{self.currency} {self.rounded().amount:,.2f}"

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(self, other)
        return other


def rounded(amount: Decimal) -> Decimal:
    """To cents, half up; the pages give no rounding rule (billing rules, section 10)."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def added(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts of one currency; nothing at all is zero of it."""
    return sum(amounts, Money.zero(currency))


def sums(amounts: Iterable[Money]) -> Mapping[str, Money]:
    """Add up per currency, in order of currency code; sums are never converted."""
    totals: dict[str, Money] = {}
    for money in amounts:
        totals[money.currency] = totals.get(money.currency, Money.zero(money.currency)) + money
    return dict(sorted(totals.items()))
