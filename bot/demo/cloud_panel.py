"""The cloud panel: let the practice cloud fail, or change facts behind Lapse's back."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import Subscription
from bot.demo.stage import Stage
from bot.facts.faults import CallLine, Fault, FaultKind
from bot.providers.facts import CloudFacts
from bot.providers.faults import REFUSALS

NORMAL = "normal"
ANY = "any"
KINDS = {
    NORMAL: "Normal",
    FaultKind.REFUSE.value: "Refuse",
    FaultKind.TIME_OUT_BEFORE.value: "Time out before doing it",
    FaultKind.TIME_OUT_AFTER.value: "Time out after doing it",
    FaultKind.ANSWER_LATE.value: "Answer after 30 s",
    FaultKind.ERROR_500.value: "Error 500",
    FaultKind.UNREACHABLE.value: "Cannot be read or called, until changed",
}
SHORT = {
    FaultKind.REFUSE: "refuses",
    FaultKind.TIME_OUT_BEFORE: "times out before",
    FaultKind.TIME_OUT_AFTER: "times out after",
    FaultKind.ANSWER_LATE: "answers late",
    FaultKind.ERROR_500: "error 500",
    FaultKind.UNREACHABLE: "cannot be read",
}
HOW_LONG = {"once": "once", "until": "until changed"}
FACTS = {
    "price": "Renewal price up by a tenth",
    "auto-renew": "Switch auto-renewal on",
    "coupon": "A cash coupon of 400.00 on the order",
    "expiry": "Expiry a day earlier",
    "remove": "Remove the item",
    "new": "A new item without an owner",
}
COUPON = Decimal(400)
A_TENTH_MORE = Decimal("1.1")
CENT = Decimal("0.01")


class CloudPanel:
    """Arms one fault for the next call, and changes one fact at a time."""

    def __init__(self, *, stage: Callable[[], Stage | None]) -> None:
        self._stage = stage
        self._shown: Mapping[str, str] = {}

    def describe(self) -> dict[str, Any]:
        """What is armed, what can be, and the last ten calls."""
        stage = self._stage()
        armed = stage.faults.armed() if stage else None
        held = stage.subscriptions() if stage else ()
        items = {str(each.key): _named(each) for each in held}
        return {
            "id": "cloud",
            "title": "Cloud",
            "badge": f"Cloud: {_badge(armed, held)}" if armed else None,
            "badge_clear": "clear" if armed else None,
            "summary": None,
            "items": [
                self._select("kind", "For the next call", KINDS),
                self._select("code", "Error of a refusal", _codes()),
                self._select("often", "How often", HOW_LONG),
                self._select("item", "Item", {ANY: "any item", **items}),
                _buttons(("arm", "Set"), *([("clear", "Clear")] if armed else [])),
                {"type": "text", "text": "Change a fact at the cloud", "tone": "muted"},
                self._select("fact", "Fact", FACTS),
                self._select("of", "Of", items or {ANY: "nothing there yet"}),
                _buttons(("change", "Change")),
                _calls(stage.faults.calls() if stage else ()),
            ],
        }

    def press(self, control_id: str, values: Mapping[str, str]) -> str:
        """Set a fault, clear it, or change a fact; says what was done."""
        self._shown = dict(values)
        stage = self._stage()
        if stage is None:
            return "Lapse is starting; try again in a moment."
        if control_id == "clear" or (control_id == "arm" and values.get("kind") == NORMAL):
            stage.faults.clear()
            return "The cloud is normal again."
        if control_id == "arm":
            return self._arm(stage, values)
        return self._change(stage, values["fact"], values["of"])

    def _arm(self, stage: Stage, values: Mapping[str, str]) -> str:
        item = values.get("item", ANY)
        fault = Fault(
            kind=FaultKind(values["kind"]),
            code=values.get("code", ""),
            until_changed=values.get("often") == "until",
            item=None if item == ANY else item.partition("/")[2],
        )
        stage.faults.arm(fault)
        return f"The cloud {_badge(fault, stage.subscriptions())}."

    def _change(self, stage: Stage, fact: str, of: str) -> str:
        held = next(each for each in stage.subscriptions() if str(each.key) == of)
        _apply(stage.facts[held.key.account], fact, held)
        return f"{FACTS[fact]}: {held.label}. Lapse finds it out when it reads the cloud."

    def _select(self, name: str, label: str, options: Mapping[str, str]) -> dict[str, Any]:
        chosen = self._shown.get(name, "")
        return {
            "type": "select",
            "id": name,
            "label": label,
            "options": [{"value": value, "label": words} for value, words in options.items()],
            "value": chosen if chosen in options else next(iter(options)),
        }


def _apply(cloud: CloudFacts, fact: str, held: Subscription) -> None:
    id_ = held.key.id
    match fact:
        case "price":
            price = (held.renewal_price or COUPON) * A_TENTH_MORE
            cloud.set_price(id_, price.quantize(CENT))
        case "auto-renew":
            cloud.switch_auto_renew_on(id_)
        case "coupon":
            cloud.put_coupon(id_, COUPON)
        case "expiry" if held.expires_at is not None:
            cloud.set_expiry(id_, held.expires_at - timedelta(days=1))
        case "remove":
            cloud.remove(id_)
        case "new":
            cloud.add(f"{id_}-new")


def _calls(lines: Sequence[CallLine]) -> dict[str, Any]:
    rows = [
        [f"{each.at.astimezone(CLOUD_ZONE):%H:%M:%S}", each.call, each.item, each.outcome]
        for each in lines
    ]
    return {
        "type": "log",
        "title": "Last calls",
        "columns": ["GMT+08:00", "Call", "Item", "Outcome"],
        "rows": rows,
        "empty": "No call yet.",
    }


def _buttons(*controls: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "buttons",
        "controls": [{"id": name, "label": label} for name, label in controls],
    }


def _codes() -> Mapping[str, str]:
    return {code: f"{words} ({code})"[:75] for code, words in REFUSALS.items()}


def _named(held: Subscription) -> str:
    return f"{held.label} · {held.key.account}"[:75]


def _badge(fault: Fault, held: Sequence[Subscription]) -> str:
    """What is armed, in the words of the menus; an item that is gone by its id."""
    often = "until changed" if fault.stays else "once"
    names = (_named(each) for each in held if each.key.id == fault.item)
    item = f", {next(names, fault.item)}" if fault.item else ""
    return f"{SHORT[fault.kind]}, {often}{item}"
