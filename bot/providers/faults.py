"""A cloud that fails when it is told to, so that a team can rehearse the bad days."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.billing.subscription import Edition, Subscription
from bot.facts.faults import CallLine, Fault, FaultKind
from bot.ports.clock import Clock
from bot.ports.provider import (
    Call,
    ItemResult,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    Refund,
)
from bot.ports.store import Store, Transaction
from bot.providers.ledger import LedgerProvider

LATE_SECONDS = 30.0
KEPT_CALLS = 10

OUTCOME = "read the outcome"
UNREACHABLE = "cannot be reached"
AWAY = "There is no connection to it."

_FAULT = "cloud/fault"
_CALLS = "cloud/calls"

REFUSALS: Mapping[str, str] = {
    "CBC.99003651": "Another transaction is in progress.",
    "CBC.99003100": "An order of it is not paid.",
    "CBC.99003643": "It is invoiced.",
    "CBC.99003645": "This service cannot be unsubscribed from.",
    "CBC.99003649": "It is a trial item.",
    "CBC.99003656": "It is frozen.",
    "CBC.99006066": "It could not work out the fee.",
    "CBC.0151": "The key lacks billing:subscription:unsubscribe.",
}
"""The errors to choose from, by the cloud's code (API reference, section 3)."""


class CloudFaults:
    """What is armed and what was called, kept beside the book so that a restart changes nothing."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def arm(self, fault: Fault) -> None:
        """The next call about this item, or any, meets it."""
        with self._store.transaction() as tx:
            tx.notes.put(
                _FAULT,
                {
                    "kind": fault.kind.value,
                    "until_changed": fault.until_changed,
                    "item": fault.item,
                    "code": fault.code,
                },
            )

    def clear(self) -> None:
        """All normal again."""
        with self._store.transaction() as tx:
            tx.notes.put(_FAULT, {})

    def armed(self) -> Fault | None:
        """What the next call will meet."""
        with self._store.reading() as tx:
            return _fault(tx)

    def take(self, ids: Collection[str]) -> Fault | None:
        """The fault that a call about these ids meets; armed once, it is used up."""
        with self._store.transaction() as tx:
            fault = _fault(tx)
            if fault is None or not fault.concerns(ids):
                return None
            if not fault.stays:
                tx.notes.put(_FAULT, {})
            return fault

    def note(self, call: str, ids: Collection[str], outcome: str) -> None:
        """Remember a call; the last ten are kept."""
        line = {
            "at": self._clock.now().isoformat(),
            "call": call,
            "item": ", ".join(ids),
            "outcome": outcome,
        }
        with self._store.transaction() as tx:
            lines = [line, *_lines(tx)]
            tx.notes.put(_CALLS, {"lines": lines[:KEPT_CALLS]})

    def calls(self) -> tuple[CallLine, ...]:
        """The last ten calls, newest first."""
        with self._store.reading() as tx:
            lines = _lines(tx)
        return tuple(
            CallLine(
                at=datetime.fromisoformat(line["at"]),
                call=line["call"],
                item=line["item"],
                outcome=line["outcome"],
            )
            for line in lines
        )


class FaultyProvider:
    """The ledger behind an unreliable line.

    Calls that change something go wrong in every way; readings only while the cloud cannot be
    reached, and then all of them do. `pause` waits that many seconds; the wiring gives it, since
    nothing here looks at a clock.
    """

    def __init__(
        self,
        *,
        provider: LedgerProvider,
        faults: CloudFaults,
        pause: Callable[[float], None],
    ) -> None:
        self._provider = provider
        self._faults = faults
        self._pause = pause

    def settle(self, now: datetime) -> int:
        """As the ledger does; the cloud goes on whether or not it can be reached."""
        return self._provider.settle(now)

    def subscriptions(self) -> Iterator[Subscription]:
        """Everything in the book."""
        self._reach(())
        return self._provider.subscriptions()

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        """Those of the ids that are still there."""
        self._reach(ids, "read")
        return self._provider.read(ids)

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        """What is listed beside these."""
        self._reach(ids, "read what is beside")
        return self._provider.around(ids)

    def edition(self, region: str | None) -> Edition | None:
        """The current edition of a region."""
        self._reach(())
        return self._provider.edition(region)

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        """What became of a call; reading works although the answer was lost."""
        self._reach(call.ids, OUTCOME)
        found = self._provider.find_outcome(call)
        self._faults.note(OUTCOME, call.ids, _said(found))
        return found

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        """The completed unsubscription orders of these ids."""
        self._reach(ids, "read the refunds")
        return self._provider.refunds(ids, since=since)

    def unsubscribe(self, call: Call) -> Sequence[ItemResult]:
        """Ask the ledger, unless a fault comes between; raises any ProviderError."""
        fault = self._faults.take(call.ids)
        if fault is not None and fault.kind is FaultKind.REFUSE:
            return self._refuse(call, fault)
        self._before("unsubscribe", call.ids, fault)
        found = self._provider.unsubscribe(call)
        self._after("unsubscribe", call.ids, fault, outcome=_said(found))
        return found

    def set_auto_renew(self, id: str, *, on: bool) -> None:  # noqa: A002 - the field's own word
        """Switch, unless a fault comes between; raises any ProviderError."""
        name = f"auto-renewal {'on' if on else 'off'}"
        fault = self._faults.take([id])
        if fault is not None and fault.kind is FaultKind.REFUSE:
            self._faults.note(name, [id], f"refused, {fault.code}")
            raise ProviderRefused(_sentence(fault), code=fault.code)
        self._before(name, [id], fault)
        self._provider.set_auto_renew(id, on=on)
        self._after(name, [id], fault, outcome="done")

    def _reach(self, ids: Collection[str], name: str = "") -> None:
        """Raise ProviderUnavailable while the cloud cannot be read; a nameless one is not listed.

        What is read again with every tick would fill the list of the last calls by itself.
        """
        fault = self._faults.armed()
        if fault is None or fault.kind is not FaultKind.UNREACHABLE or not fault.concerns(ids):
            return
        if name:
            self._faults.note(name, ids, UNREACHABLE)
        raise ProviderUnavailable(AWAY)

    def _refuse(self, call: Call, fault: Fault) -> Sequence[ItemResult]:
        """The chosen item is refused, the others of the call are handed on."""
        refused = [each for each in call.ids if fault.item in {None, each}]
        others = tuple(each for each in call.ids if each not in refused)
        results = {
            each: ItemResult(id=each, accepted=False, error_code=fault.code, error=_sentence(fault))
            for each in refused
        }
        self._faults.note("unsubscribe", refused, f"refused, {fault.code}")
        if others:
            found = self._provider.unsubscribe(replace(call, ids=others))
            self._faults.note("unsubscribe", others, _said(found))
            results |= {each.id: each for each in found}
        return tuple(results[each] for each in call.ids)

    def _before(self, name: str, ids: Collection[str], fault: Fault | None) -> None:
        if fault is not None and fault.kind is FaultKind.UNREACHABLE:
            self._faults.note(name, ids, UNREACHABLE)
            raise ProviderUnavailable(AWAY)
        if fault is not None and fault.kind is FaultKind.TIME_OUT_BEFORE:
            self._faults.note(name, ids, "timed out, nothing done")
            raise OutcomeUnknown("The cloud did not answer in time.")
        if fault is not None and fault.kind is FaultKind.ERROR_500:
            self._faults.note(name, ids, "error 500, nothing done")
            raise OutcomeUnknown("The cloud answered with an error (500).", code="CBC.0999")

    def _after(self, name: str, ids: Collection[str], fault: Fault | None, *, outcome: str) -> None:
        if fault is not None and fault.kind is FaultKind.TIME_OUT_AFTER:
            self._faults.note(name, ids, f"timed out, {outcome}")
            raise OutcomeUnknown("The cloud did not answer in time.")
        if fault is not None and fault.kind is FaultKind.ANSWER_LATE:
            self._faults.note(name, ids, f"answers after {LATE_SECONDS:.0f} s, {outcome}")
            self._pause(LATE_SECONDS)
            return
        self._faults.note(name, ids, outcome)


def _fault(tx: Transaction) -> Fault | None:
    note = tx.notes.get(_FAULT)
    if not note:
        return None
    item = note["item"]
    return Fault(
        kind=FaultKind(str(note["kind"])),
        until_changed=bool(note["until_changed"]),
        item=str(item) if item else None,
        code=str(note["code"]),
    )


def _lines(tx: Transaction) -> list[dict[str, str]]:
    lines = (tx.notes.get(_CALLS) or {}).get("lines", [])
    return [dict(line) for line in lines] if isinstance(lines, list) else []


def _sentence(fault: Fault) -> str:
    return REFUSALS.get(fault.code, "The cloud refused it.")


def _said(results: Sequence[ItemResult]) -> str:
    words = {
        result.id: "gone" if result.gone else "accepted" if result.accepted else _why(result)
        for result in results
    }
    return ", ".join(dict.fromkeys(words.values()))


def _why(result: ItemResult) -> str:
    return f"refused, {result.error_code}" if result.error_code else "not done"
