"""Deciding about a request, and what follows: approve, reject, withdraw, stop, repair."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.billing.change import Change
from bot.billing.rights import Action
from bot.billing.unsubscription import Request
from bot.services.errors import FiguresChanged, Incomplete
from handlers import ids, submissions
from handlers.asking import Asking
from handlers.blocks import decisions, receipts, reviewing, working
from handlers.blocks.unsubscribe import as_view
from handlers.forms import Carried, Filled
from handlers.services import Services
from handlers.switches import Switches
from handlers.turns import Turn, Turns, note


class Requests:
    """The buttons of the request's message. It changes through the outbox alone."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._unsubscribing = services.unsubscribing
        self._asking = Asking(services.unsubscribing, services.discretion)
        self._switches = Switches(services)

    def register(self, turns: Turns) -> None:
        """Bind everything that can be pressed or sent."""
        turns.action(ids.APPROVE, self.approve)
        turns.action(ids.REJECT, self.ask_why_rejected)
        turns.view(ids.REJECT_FORM, self.reject)
        turns.action(ids.BREAK_GLASS, self.ask_why_broken)
        turns.view(ids.BREAK_GLASS_FORM, self.break_glass)
        turns.action(ids.WITHDRAW, self.withdraw)
        turns.action(ids.STOP, self.stop)
        turns.action(ids.RETRY, self.retry)
        turns.action(ids.LOOK_NOW, self.look_now)
        turns.action(ids.BY_HAND, self.ask_how_by_hand)
        turns.view(ids.BY_HAND_FORM, self.by_hand)
        turns.action(ids.LEAVE, self.ask_why_left)
        turns.view(ids.LEAVE_FORM, self.leave)
        turns.action(ids.ASK_AGAIN, self.ask_again)
        turns.action(ids.REVIEW, self.review)
        turns.action(ids.REVIEW_SWITCH, self._switches.acknowledge_again)
        turns.view(ids.REVIEW_FORM, self.acknowledge_again)
        turns.action(ids.REQUEST_WORKING, self.show_working)
        turns.action(ids.REQUEST_MENU, self.show_working)
        turns.action(ids.RECEIPT, self.show_receipt)

    def approve(self, turn: Turn) -> None:
        """*Approve*, confirmed: the card shows it as soon as the send tick has run."""
        number, shown = submissions.number(turn.body), submissions.shown(turn.body)
        self._unsubscribing.approve(number, by=turn.user, shown=shown)

    def ask_why_rejected(self, turn: Turn) -> None:
        """*Reject*: only who may decide is asked why."""
        request = self._unsubscribing.get(submissions.number(turn.body))
        self._demand(turn, Action.DECIDE, request)
        turn.open(decisions.reject(request))

    def reject(self, turn: Turn) -> Mapping[str, object] | None:
        """The reason for a rejection was sent."""
        said = submissions.why(turn.body)
        return _answered(
            turn, lambda: self._unsubscribing.reject(said.number, by=turn.user, why=said.why)
        )

    def ask_why_broken(self, turn: Turn) -> None:
        """*Break glass…*: says what it does, and asks those who may for the reason."""
        request = self._unsubscribing.breakable(submissions.number(turn.body), by=turn.user)
        turn.open(decisions.break_glass(self._services.discretion.request(turn.user, request)))

    def break_glass(self, turn: Turn) -> Mapping[str, object] | None:
        """The reason for breaking the glass was sent."""
        said = submissions.why(turn.body)
        return _answered(
            turn,
            lambda: self._unsubscribing.break_glass(
                said.number, by=turn.user, why=said.why, shown=said.shown
            ),
            missing=Incomplete.WHY_ALONE,
        )

    def withdraw(self, turn: Turn) -> None:
        """*Withdraw*, confirmed."""
        self._unsubscribing.withdraw(submissions.number(turn.body), by=turn.user)

    def stop(self, turn: Turn) -> None:
        """*Stop*, which is never asked twice about."""
        self._unsubscribing.stop(submissions.number(turn.body), by=turn.user)

    def retry(self, turn: Turn) -> None:
        """*Retry*, confirmed."""
        self._unsubscribing.retry(submissions.number(turn.body), by=turn.user)

    def look_now(self, turn: Turn) -> None:
        """*Look now*: the cloud is read by the next tick."""
        self._unsubscribing.look_now(submissions.number(turn.body), by=turn.user)

    def ask_how_by_hand(self, turn: Turn) -> None:
        """*Done by hand…*: asks what was done, and for evidence."""
        request = self._unsubscribing.get(submissions.number(turn.body))
        self._demand(turn, Action.REPAIR, request)
        turn.open(decisions.by_hand(self._services.discretion.request(turn.user, request)))

    def by_hand(self, turn: Turn) -> Mapping[str, object] | None:
        """What was done by hand was sent."""
        said = submissions.why(turn.body)
        return _answered(
            turn,
            lambda: self._unsubscribing.by_hand(
                said.number, by=turn.user, why=said.why, evidence=said.evidence
            ),
            missing=Incomplete.WHAT_WAS_DONE,
        )

    def ask_why_left(self, turn: Turn) -> None:
        """*Leave as is…*: asks why."""
        request = self._unsubscribing.get(submissions.number(turn.body))
        self._demand(turn, Action.REPAIR, request)
        turn.open(decisions.leave(self._services.discretion.request(turn.user, request)))

    def leave(self, turn: Turn) -> Mapping[str, object] | None:
        """The reason for leaving it was sent."""
        said = submissions.why(turn.body)
        return _answered(
            turn,
            lambda: self._unsubscribing.leave(
                said.number, by=turn.user, why=said.why, shown=said.shown
            ),
            missing=Incomplete.WHY_LEFT,
        )

    def ask_again(self, turn: Turn) -> None:
        """*Ask again…*: a new form about the same, with what the person said before."""
        request = self._unsubscribing.get(submissions.number(turn.body))
        refs = tuple(str(item.key) for item in request.items)
        if request.change is not Change.UNSUBSCRIBE:
            self._switches.open(turn, refs, request.change)
            return
        carried = replace(Carried.fresh(refs, channel=turn.channel), scope=request.scope)
        said = Filled()
        if request.requested_by == turn.user:
            said = Filled(reason=request.reason, details=request.details)
        self._asking.open(turn, carried, filled=said)

    def review(self, turn: Turn) -> None:
        """*Review new figures…*: both columns, and the checkbox empty again."""
        request = self._unsubscribing.get(submissions.number(turn.body))
        if request.change is not Change.UNSUBSCRIBE:
            self._switches.review(turn, request)
            return
        figures_now = self._unsubscribing.review(request.number, by=turn.user)
        turn.open(reviewing.form(figures_now))

    def acknowledge_again(self, turn: Turn) -> Mapping[str, object] | None:
        """The new figures were acknowledged; the request waits again."""
        carried = submissions.carried(turn.body)
        filled = submissions.filled(turn.body)
        if carried.review_of is None:
            return None
        try:
            self._unsubscribing.acknowledge_again(
                carried.review_of, submissions.submission(carried, filled, by=turn.user)
            )
        except Incomplete as refusal:
            note(refusal, turn)
            under = {submissions.fee_block(turn.body): refusal.CHECKBOX}
            return {"response_action": "errors", "errors": under}
        except FiguresChanged as changed:
            note(changed, turn)
            again = self._unsubscribing.review(carried.review_of, by=turn.user)
            view = reviewing.form(again)
            return {"response_action": "update", "view": view.to_dict()}
        return None

    def show_working(self, turn: Turn) -> None:
        """*Show the working…* of what was acknowledged."""
        request = self._seen(turn)
        quotes = [(item.label, item.quote) for item in request.items]
        turn.open(working.working(quotes, dry_run=request.dry_run))

    def show_receipt(self, turn: Turn) -> None:
        """*Receipt…*: the same as in the thread."""
        found = self._services.attesting.receipt(submissions.number(turn.body))
        shown = self._services.discretion.request(turn.user, found.request)
        turn.open(as_view(receipts.receipt(replace(found, request=shown))))

    def _seen(self, turn: Turn) -> Request:
        request = self._unsubscribing.get(submissions.number(turn.body))
        return self._services.discretion.request(turn.user, request)

    def _demand(self, turn: Turn, action: Action, request: Request) -> None:
        self._services.people.demand(turn.user, action, requester=request.requested_by)


def _answered(
    turn: Turn, act: Callable[[], Request], *, missing: str = Incomplete.WHY
) -> Mapping[str, object] | None:
    """Nothing when it was done, which closes the modal; a missing reason under its field."""
    try:
        act()
    except Incomplete as refusal:
        note(refusal, turn)
        return {"response_action": "errors", "errors": {ids.WHY: missing}}
    return None
