"""Expected refusals: each is one sentence for what happened and one for what to do.

Refused
├── UnknownSubscription, AmbiguousId, UnknownRequest, NoReceipt, DaysOutOfRange
├── SeveralAccounts, SeveralCurrencies
├── GuestRefused, NotAllowed, GroupUnread
├── NotPossible, AlreadyRequested, TooLate, RenewalBeginsSoon, NoApprover
├── Incomplete, FiguresChanged
├── DelegationIncomplete, NotDelegated, ChecklistIncomplete
├── RequestRefused (what `bot.billing.unsubscription` refuses), Busy
├── AlreadyOff, AlreadyOn, AlreadyDeducted, CloudRefused
├── NotRenewable, SwitchedByHand, TooLateToSwitch, ChargesChanged
├── SnoozeTooFar, NoLongerDue
└── BadFile, UnknownAccount, ImportRunning, SyncHeldUp

What a request's own rules refuse has its sentences in `bot.services.verdicts`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.billing.change import Change
from bot.billing.delegation import Delegation
from bot.billing.money import Money
from bot.billing.quote import Refusal
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import AccountName, SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import OPEN, Request, UnsubscriptionError
from bot.billing.worst import Worst
from bot.facts.switching import SwitchDraft
from bot.facts.unsubscribing import DETAILS_LIMIT, Draft
from bot.services.advice import way_forward
from bot.services.phrases import counted, day, instant, last_minute, listed, quoted
from bot.services.verdicts import verdict


class Refused(Exception):
    """Something that Lapse will not do now; nothing was changed.

    `sentence` says what happened, `advice` what to do. `people` are the user ids that stand in
    them as `@U…`; a surface that knows mentions may turn exactly these into mentions.
    """

    def __init__(self, sentence: str, advice: str, *, people: Sequence[SlackUser] = ()) -> None:
        super().__init__(f"{sentence} {advice}")
        self.sentence = sentence
        self.advice = advice
        self.people = tuple(people)


_TOLD = "Operators are told; try again when Lapse can read it."


def _unread(groups: Sequence[str]) -> str:
    group = "the user group" if len(groups) == 1 else "the user groups"
    return f"Slack does not show who is in {group} {listed(list(groups))}, so nobody of it decides."


class UnknownSubscription(Refused):
    """No subscription bears this id; `near` are spelled most like it."""

    def __init__(self, ref: str, near: Sequence[Subscription] = ()) -> None:
        advice = "Look it up with `/lapse list`."
        if near:
            advice = f"Did you mean {quoted(near[0].key.id)}?"
        super().__init__(f"No subscription {quoted(ref)}.", advice)
        self.ref = ref
        self.near = tuple(near)


class AmbiguousId(Refused):
    """Two accounts have a subscription of this id."""

    def __init__(self, ref: str, accounts: Sequence[AccountName]) -> None:
        super().__init__(
            f"{quoted(ref)} exists in {listed([str(name) for name in accounts])}.",
            f"Write {quoted(f'{accounts[0]}/{ref}')}.",
        )
        self.ref = ref
        self.accounts = tuple(accounts)


class SeveralAccounts(Refused):
    """One request goes to one account."""

    def __init__(self, accounts: Sequence[AccountName]) -> None:
        names = listed([str(name) for name in accounts])
        super().__init__(f"These belong to {names}.", "Ask for each account by itself.")
        self.accounts = tuple(accounts)


class SeveralCurrencies(Refused):
    """One request has one currency; sums are never converted."""

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(
            f"These are paid in {listed(list(currencies))}.", "Ask for each currency by itself."
        )
        self.currencies = tuple(currencies)


class UnknownRequest(Refused):
    """No request bears this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no request {number}.", "Look it up with `/lapse requests`.")
        self.number = number


class NoReceipt(Refused):
    """A receipt is of what was tried and has ended."""

    def __init__(self, request: Request) -> None:
        number, state = request.number, request.state.value
        if request.state in OPEN:
            super().__init__(
                f"Request {number} is {state}, so it has no receipt yet.",
                "Ask again when it has ended.",
            )
        else:
            super().__init__(
                f"Request {number} is {state}: nothing was changed, so it has no receipt.",
                f"What happened is in `lapse audit {number}`.",
            )
        self.number = number


class DaysOutOfRange(Refused):
    """`upcoming` looks 1 to 366 days ahead."""

    def __init__(self) -> None:
        super().__init__("Days go from 1 to 366.", "Write `/lapse upcoming 30`.")


class GuestRefused(Refused):
    """Guests of the workspace cannot use Lapse."""

    def __init__(self) -> None:
        super().__init__("Guests cannot use Lapse here.", "Ask a member of your team.")


class NotAllowed(Refused):
    """The person may not do this; the sentence names who can."""

    @classmethod
    def deciding(cls, approvers: Sequence[SlackUser]) -> "NotAllowed":
        """Only approvers decide."""
        if not approvers:
            return cls(
                "You cannot decide this one.", "An operator adds someone to `approvals.approvers`."
            )
        can = f"{listed([f'@{user}' for user in approvers])} can."
        return cls("You cannot decide this one.", can, people=approvers)

    @classmethod
    def caring(cls, owners: Sequence[SlackUser]) -> "NotAllowed":
        """Only the owner, the deputy or an approver acts on a subscription's reminder."""
        who = listed([*(f"@{user}" for user in owners), "an approver"], last="or")
        return cls(f"Only {who} can do this.", "You can ask them in the thread.", people=owners)

    @classmethod
    def withdrawing(cls, requester: SlackUser, number: int | None = None) -> "NotAllowed":
        """Only the person who asked withdraws."""
        which = f"request {number}" if number else "it"
        return cls(
            f"Only @{requester} can withdraw {which}.",
            "You can ask them in the thread.",
            people=(requester,),
        )

    @classmethod
    def following(cls, requester: SlackUser) -> "NotAllowed":
        """The requester, approvers and admins stop and repair."""
        return cls(
            f"Only @{requester}, an approver or an admin can do this.",
            "You can ask them in the thread.",
            people=(requester,),
        )

    @classmethod
    def breaking_glass(cls, breakers: Sequence[SlackUser]) -> "NotAllowed":
        """Only those whom the settings name for emergencies; nobody by default."""
        if not breakers:
            return cls(
                "Nobody may break the glass here.",
                "An operator names people in `approvals.break_glass`.",
            )
        can = f"{listed([f'@{user}' for user in breakers])} can."
        return cls("You cannot break the glass here.", can, people=breakers)

    @classmethod
    def delegating(cls, approvers: Sequence[SlackUser]) -> "NotAllowed":
        """Only approvers have something to delegate, and a delegate passes nothing on."""
        can = f"{listed([f'@{user}' for user in approvers])} can."
        if not approvers:
            can = "An operator adds someone to `approvals.approvers`."
        return cls("Only an approver can let somebody decide for them.", can, people=approvers)

    @classmethod
    def ending(cls, approver: SlackUser) -> "NotAllowed":
        """Who delegated ends it, or an admin."""
        return cls(
            f"Only @{approver} or an admin can end this.",
            "You can ask them.",
            people=(approver,),
        )

    @classmethod
    def configuring(cls) -> "NotAllowed":
        """Approvers and admins configure."""
        return cls("Only an approver or an admin can do this.", "Ask one of them.")


class GroupUnread(Refused):
    """Who may is not known: Slack does not show who is in a user group of the settings."""

    def __init__(self, groups: Sequence[str]) -> None:
        super().__init__(_unread(groups), _TOLD)
        self.groups = tuple(groups)


class NotPossible(Refused):
    """Nothing of what was asked for can go now; `together_with` would make it possible."""

    def __init__(
        self,
        refusals: Mapping[SubscriptionKey, Refusal],
        *,
        subscriptions: Mapping[SubscriptionKey, Subscription],
        together_with: Sequence[SubscriptionKey] = (),
    ) -> None:
        key, first = next(iter(refusals.items()))
        super().__init__(first.reason, way_forward(first, subscriptions[key], together_with))
        self.refusals = dict(refusals)
        self.subscriptions = dict(subscriptions)
        self.together_with = tuple(together_with)


class AlreadyRequested(Refused):
    """An open request holds one of the subscriptions."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"It is already part of request {number}.", f"Open request {number} and go on there."
        )
        self.number = number


class TooLate(Refused):
    """The last safe moment is too near for an approval and its execution."""

    def __init__(self, anchor: Anchor) -> None:
        when = instant(anchor.at) if anchor.at else day(anchor.date)
        what, advice = {
            AnchorKind.DEDUCTION: ("The deduction is on", "Turn off auto-renewal instead."),
            AnchorKind.EXPIRY: ("It ends on", "Let it end; nothing will be deducted."),
            AnchorKind.NOTICE: ("Notice is due by", "Give notice by yourself."),
        }[anchor.kind]
        super().__init__(f"{what} {when}, too soon for an approval.", advice)
        self.anchor = anchor


class RenewalBeginsSoon(Refused):
    """The renewal period begins before an approval could come, so it cannot be given back (R46)."""

    def __init__(self, begins_at: datetime) -> None:
        super().__init__(
            f"The renewal period begins on {instant(begins_at)}, too soon for an approval.",
            "Unsubscribe with the fee, or keep it.",
        )
        self.begins_at = begins_at


class NoApprover(Refused):
    """There are too few people besides the requester who could approve."""

    def __init__(self, *, needed: int = 1, there: int = 0, unread: Sequence[str] = ()) -> None:
        lacking = "Nobody but you could approve this"
        advice = "An operator adds someone to `approvals.approvers`."
        if needed > 1:
            most = f"at most {there}" if there else "none"
            lacking = f"This needs {needed} approvals, and {most} can come without you"
            advice = f"Each takes another person and another approver. {advice}"
        if unread:
            advice = f"{_unread(unread)} {_TOLD}"
        super().__init__(f"{lacking}, so it was not sent.", advice)


class Incomplete(Refused):
    """The form lacks something; each flag belongs to one field."""

    REASON = "Choose a reason; the cloud asks for one."
    DETAILS = "Other needs details: say in a few words why."
    CHECKBOX = "Tick this box to go on; nothing has been sent."
    WHY = "Say why; the requester reads it."
    WHY_ALONE = "Say why; everybody in the channel reads it."
    WHY_LEFT = "Say why; it goes into the receipt."
    WHAT_WAS_DONE = "Say what was done; it goes into the request's history."
    NOTHING = "Tick at least one subscription."

    def __init__(
        self,
        *,
        reason: bool = False,
        details: bool = False,
        too_long: int | None = None,
        checkbox: bool = False,
        why: bool = False,
        nothing: bool = False,
    ) -> None:
        self.reason = reason
        self.details = details
        self.too_long = too_long
        self.checkbox = checkbox
        self.why = why
        self.nothing = nothing
        super().__init__(" ".join(self.fields.values()), "Fill in the field.")

    @property
    def fields(self) -> Mapping[str, str]:
        """What to write under which field: reason, details, acknowledged, why, subscriptions."""
        said = {
            "reason": self.REASON if self.reason else "",
            "details": self._details(),
            "acknowledged": self.CHECKBOX if self.checkbox else "",
            "why": self.WHY if self.why else "",
            "subscriptions": self.NOTHING if self.nothing else "",
        }
        return {field: text for field, text in said.items() if text}

    def _details(self) -> str:
        if self.too_long is not None:
            return f"At most {DETAILS_LIMIT} characters; this has {self.too_long:,}."
        return self.DETAILS if self.details else ""


class DelegationIncomplete(Refused):
    """A delegation lacks something; `fields` says what under which: delegate, first, last, why."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(self.fields.values()), "Fill in the field.")


class ChecklistIncomplete(Refused):
    """What was done by hand lacks something; `fields` says what: under items, evidence, file."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(self.fields.values()), "Fill in the field.")


class NotDelegated(Refused):
    """The delegation is over, or was ended by somebody; None: there is none of that id."""

    def __init__(self, delegation: Delegation | None) -> None:
        sentence, people = "This is over already.", []
        if delegation is not None and delegation.ended_by and delegation.ended_at:
            people = [delegation.ended_by]
            sentence = f"@{delegation.ended_by} ended it, {instant(delegation.ended_at)}."
        super().__init__(sentence, "Nothing to do.", people=people)
        self.delegation = delegation


class FiguresChanged(Refused):
    """The facts changed while the form was open; `draft` has the new figures."""

    def __init__(self, draft: Draft, *, before: Worst) -> None:
        super().__init__(
            f"The figures changed while this was open: refund at least {draft.worst.refund}, "
            f"before {before.refund}.",
            "Read both figures, tick again.",
        )
        self.draft = draft
        self.before = before


class RequestRefused(Refused):
    """What the rules of a request refuse, in words for the person who clicked."""

    def __init__(self, cause: UnsubscriptionError, request: Request) -> None:
        sentence, advice, people = verdict(cause, request)
        super().__init__(sentence, advice, people=people)
        self.cause = cause
        self.request = request


class Busy(Refused):
    """Several people change the same request at this moment; `number` None: ask for one."""

    def __init__(self, number: int | None = None) -> None:
        what = f"request {number}" if number is not None else "the same"
        super().__init__(f"Somebody else is changing {what} right now.", "Try again.")
        self.number = number


class AlreadyOff(Refused):
    """Auto-renewal is off already; who turned it off is not always known."""

    def __init__(self, by: SlackUser | None, at: datetime | None) -> None:
        sentence = "Auto-renewal is off already."
        if by and at:
            sentence = f"@{by} turned it off, {instant(at)}."
        super().__init__(sentence, "Nothing to do.", people=(by,) if by else ())
        self.by = by
        self.at = at


class AlreadyOn(Refused):
    """Auto-renewal is on already."""

    def __init__(self) -> None:
        super().__init__("Auto-renewal is on already.", "Nothing to do.")


class NotRenewable(Refused):
    """The cloud would not renew it, whatever auto-renewal reads."""


class SwitchedByHand(Refused):
    """What changes in the account is carried out by hand, and of a switch there is no checklist."""

    def __init__(self, account: AccountName, change: Change) -> None:
        super().__init__(
            f"In {account} a person carries out what changes, so Lapse does not switch it.",
            f"Turn it {'on' if change.renews else 'off'} in the cloud's console.",
        )


class TooLateToSwitch(Refused):
    """No time is left to decide and execute before what the switch is about."""

    def __init__(self, change: Change, ends: datetime) -> None:
        what, advice = (
            ("Its term ends on", "Renew it in the cloud's console.")
            if change is Change.RENEWAL_ON
            else ("It has to be off before", "Turn it off in the cloud's console.")
        )
        super().__init__(f"{what} {instant(ends)}, too soon for an approval.", advice)


class ChargesChanged(Refused):
    """What it means changed while the question was open; `draft` has the new facts."""

    def __init__(self, draft: SwitchDraft) -> None:
        super().__init__(
            "The facts changed while this was open, so it was not sent.", "Read them and ask again."
        )
        self.draft = draft


class AlreadyDeducted(Refused):
    """The renewal is paid, so turning auto-renewal off no longer prevents it (R25)."""

    def __init__(
        self,
        amount: Money | None,
        *,
        at: datetime,
        until: datetime | None,
        key: SubscriptionKey | None = None,
    ) -> None:
        what = str(amount) if amount else "The renewal"
        advice = "Unsubscribe with the fee, or keep it."
        if until:
            advice = f"Give it back until {last_minute(until)}."
        super().__init__(f"{what} was deducted, {instant(at)}.", advice)
        self.amount = amount
        self.at = at
        self.until = until
        self.key = key


class CloudRefused(Refused):
    """The cloud did not do it; its own sentence, and what to do."""

    def __init__(self, sentence: str, advice: str, *, code: str = "") -> None:
        super().__init__(sentence, advice)
        self.code = code


class SnoozeTooFar(Refused):
    """A snooze may not go past the last safe moment (R25)."""

    def __init__(self, cutoff: datetime) -> None:
        super().__init__(
            f"The last safe moment is {last_minute(cutoff)}.", "Choose an earlier time."
        )
        self.cutoff = cutoff


class NoLongerDue(Refused):
    """The reminder's deduction does not come any more, or has passed."""

    def __init__(self) -> None:
        super().__init__("This reminder is no longer due.", "Nothing to do.")


class BadFile(Refused):
    """A catalogue file with problems: nothing of it was imported.

    `problems` are (line, column, text); line 0 means the file as a whole, an empty column the
    whole line. `wrong` of `lines` lines have a problem.
    """

    def __init__(
        self,
        filename: str,
        problems: Sequence[tuple[int, str, str]],
        *,
        lines: int,
        unit: str = "line",
        advice: str = "",
    ) -> None:
        self.filename = filename
        self.problems = tuple(problems)
        self.lines = lines
        self.unit = unit
        wrong = len({line for line, _, _ in problems if line})
        said = f"{filename} was not imported"
        if wrong:
            verb = "is" if wrong == 1 else "are"
            said += f", {wrong:,} of {counted(lines, unit)} {verb} wrong"
        each = " ".join(self.describe(problem) for problem in self.problems)
        super().__init__(f"{said}. {each}", advice or f"Correct these {unit}s, import again.")

    def describe(self, problem: tuple[int, str, str]) -> str:
        """One problem in words: `line 14, expires_at: … .`."""
        line, column, text = problem
        where = ", ".join(part for part in (f"{self.unit} {line}" if line else "", column) if part)
        return f"{where}: {text}" if where else text


class UnknownAccount(Refused):
    """The settings do not name this account."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        accounts = listed(sorted(known))
        super().__init__(
            f"Account {quoted(name)} is not in the settings, which name {accounts}.",
            f"Add `[accounts.{name}]` to lapse.toml or correct the name.",
        )
        self.name = name


class ImportRunning(Refused):
    """One import at a time changes a large part of the catalogue."""

    def __init__(self) -> None:
        super().__init__("Another import is running.", "Import again when it has ended.")


class SyncHeldUp(Refused):
    """An import changes a large part of the catalogue, which a reading has to wait for."""

    def __init__(self, account: AccountName) -> None:
        super().__init__(
            f"An import is running, so account {quoted(account)} was not brought up to date.",
            "Sync again when it has ended.",
        )
        self.account = account
