"""Asking to unsubscribe: the command, the modal, the same form in a message, sending it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from slack_sdk.models.blocks import Option
from slack_sdk.models.views import View

from bot.billing.quote import Scope
from bot.billing.unsubscription import Request
from bot.billing.way import WayKind
from bot.facts.listing import Shown
from bot.facts.unsubscribing import Draft
from bot.services.errors import FiguresChanged, Incomplete, Refused
from handlers import asking, ids, payloads, submissions
from handlers.asking import Asking
from handlers.blocks import comparing, working
from handlers.blocks import unsubscribe as blocks
from handlers.forms import Carried, Filled
from handlers.payloads import NotUnderstood
from handlers.services import Services
from handlers.turns import Surface, Turn, Turns, note

LONGEST = 1200
"""Characters of ids that still fit, with all that a form carries, into a button (2,000)."""

IN_MESSAGE = frozenset({Surface.MESSAGE, Surface.EPHEMERAL})


class Unsubscribe:
    """The conversation that ends with a request in the approvals channel."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asking = Asking(services.unsubscribing, services.discretion)

    @property
    def commands(self) -> Mapping[str, Callable[[Turn, str], None]]:
        """The words after `/lapse` that begin it."""
        return {"unsubscribe": self.command}

    def register(self, turns: Turns) -> None:
        """Bind everything that can be pressed, typed or sent."""
        turns.action(ids.UNSUBSCRIBE, self.begin)
        turns.options(ids.UNSUBSCRIBE_MENU, self.suggest)
        turns.action(ids.UNSUBSCRIBE_MENU, self.choose)
        turns.action(ids.UNSUBSCRIBE_TRY_AGAIN, self.redraw)
        for field in (ids.SCOPE, ids.PACKAGES, ids.REASON, ids.FEE):
            turns.action(field, self.redraw)
        turns.view(ids.UNSUBSCRIBE_FORM, self.submit)
        turns.action(ids.UNSUBSCRIBE_SEND, self.send)
        turns.action(ids.UNSUBSCRIBE_AS_FORM, self.open_as_form)
        turns.action(ids.GIVE_BACK, self.give_back)
        turns.action(ids.WORKING, self.show_working)
        turns.action(ids.WAYS, self.show_ways)

    def command(self, turn: Turn, rest: str) -> None:
        """`/lapse unsubscribe [ID…]`: the modal; without an id it asks which."""
        if len(rest) > LONGEST:
            raise NotUnderstood("These are too many for one request.", "Ask for them in parts.")
        self._open(turn, payloads.references(rest))

    def begin(self, turn: Turn) -> None:
        """*Unsubscribe…*: on a message the form as a message, elsewhere the modal."""
        refs = submissions.refs(turn.body)
        if turn.surface is Surface.MODAL:
            view = submissions.opened(turn.body)
            self._asking.fill(turn, Carried.fresh(refs), view_id=view.id)
        elif refs and turn.surface in IN_MESSAGE:
            self._asking.answer(turn, Carried.fresh(refs, channel=turn.channel))
        else:
            self._open(turn, refs)

    def give_back(self, turn: Turn) -> None:
        """*Give it back…*: the modal, with only the renewal period chosen."""
        refs = submissions.refs(turn.body)
        carried = replace(Carried.fresh(refs, channel=turn.channel), scope=Scope.RENEWALS)
        if turn.surface is Surface.MODAL:
            self._asking.fill(turn, carried, view_id=submissions.opened(turn.body).id)
        else:
            self._asking.open(turn, carried)

    def suggest(self, turn: Turn) -> Sequence[Option]:
        """The ten subscriptions nearest to what is typed, or those next to be deducted."""
        typed = payloads.typed_so_far(turn.body)
        return [blocks.option(each) for each in self._services.listing.suggestions(typed)]

    def choose(self, turn: Turn) -> None:
        """A subscription was chosen in *Which subscription?*."""
        carried = replace(submissions.carried(turn.body), refs=(submissions.chosen(turn.body),))
        self._asking.fill(turn, carried, view_id=submissions.opened(turn.body).id)

    def redraw(self, turn: Turn) -> None:
        """A tick or a choice in the modal: figures and fields follow. A message stays."""
        if turn.surface is not Surface.MODAL:
            return
        filled = submissions.filled(turn.body)
        carried = submissions.carried(turn.body).filled(filled)
        view = submissions.opened(turn.body)
        self._asking.fill(
            turn, carried, filled=filled, view_id=view.id, view_hash=view.hash or None, redrawn=True
        )

    def submit(self, turn: Turn) -> Mapping[str, object] | None:
        """*Send request*: errors stand under their fields, everything else is a new view."""
        filled = submissions.filled(turn.body)
        carried = submissions.carried(turn.body).filled(filled)
        if carried.shown is None:
            return None
        try:
            request = self._send(turn, carried, filled)
        except Incomplete as refusal:
            note(refusal, turn)
            return {"response_action": "errors", "errors": _under_fields(refusal, turn)}
        except FiguresChanged as changed:
            note(changed, turn)
            again = replace(filled, acknowledged=False)
            draft = self._asking.seen(turn, changed.draft)
            view = blocks.form(draft, carried, filled=again, before=changed.before)
            return {"response_action": "update", "view": view.to_dict()}
        except Refused as refusal:
            note(refusal, turn)
            view = asking.explained_view(refusal, code=turn.code)
            return {"response_action": "update", "view": view.to_dict()}
        content = blocks.sent(request, self._services.policy.approvals_channel)
        return {"response_action": "update", "view": blocks.as_view(content).to_dict()}

    def send(self, turn: Turn) -> None:
        """*Request unsubscription* under the form in a message, which replaces itself."""
        filled = submissions.filled(turn.body)
        carried = submissions.carried_by_button(turn.body)
        try:
            request = self._send(turn, carried, filled)
        except Incomplete as refusal:
            note(refusal, turn)
            draft = self._asking.draft(turn, carried)
            missing = _above_buttons(refusal)
            content = blocks.message(draft, carried, filled=filled, missing=missing)
        except FiguresChanged as changed:
            note(changed, turn)
            again = replace(filled, acknowledged=False)
            draft = self._asking.seen(turn, changed.draft)
            content = blocks.message(draft, carried, filled=again, before=changed.before)
        else:
            content = blocks.sent(request, self._services.policy.approvals_channel)
        turn.answer(content, replace=True)

    def open_as_form(self, turn: Turn) -> None:
        """*Open as form…*: the modal with what was filled in already."""
        filled = submissions.filled(turn.body)
        self._asking.open(turn, submissions.carried_by_button(turn.body), filled=filled)

    def show_working(self, turn: Turn) -> None:
        """*Show the working…*: over the form with the form's figures, else of what it names."""
        if turn.surface is Surface.MODAL and turn.body["view"].get("private_metadata"):
            turn.open(_worked_form(self._form(turn)))
        else:
            turn.open(_worked_items(self._shown(turn), over_form=turn.surface is Surface.MODAL))

    def show_ways(self, turn: Turn) -> None:
        """*Show the ways out…* of several, from the form in a modal or in a message."""
        over_form = turn.surface is Surface.MODAL
        draft = self._form(turn) if over_form else self._carried_form(turn)
        turn.open(comparing.window(draft, over_form=over_form))

    def _form(self, turn: Turn) -> Draft:
        """The form in a modal as it is filled in."""
        filled = submissions.filled(turn.body)
        return self._asking.draft(turn, submissions.carried(turn.body).filled(filled))

    def _carried_form(self, turn: Turn) -> Draft:
        """The form in a message, whose buttons carry it."""
        return self._asking.draft(turn, submissions.carried_by_button(turn.body))

    def _shown(self, turn: Turn) -> Sequence[Shown]:
        discretion, listing = self._services.discretion, self._services.listing
        refs = submissions.refs(turn.body)
        return [discretion.seen_by(turn.user, listing.show(ref)) for ref in refs]

    def _open(self, turn: Turn, refs: tuple[str, ...]) -> None:
        carried = Carried.fresh(refs, channel=turn.channel)
        if refs:
            self._asking.open(turn, carried)
        else:
            turn.client.views_open(trigger_id=turn.trigger_id, view=blocks.which(carried))

    def _send(self, turn: Turn, carried: Carried, filled: Filled) -> Request:
        submission = submissions.submission(carried, filled, by=turn.user)
        return self._services.unsubscribing.submit(submission)


def _worked_form(draft: Draft) -> View:
    items = draft.ordered
    ways = draft.ways.get(items[0].key) if len(items) == 1 else None
    return working.working(
        [(each.label, draft.plan.quotes[each.key]) for each in items],
        ways=ways.ways if ways else (),
        dry_run=draft.dry_run,
        over_form=True,
    )


def _worked_items(items: Sequence[Shown], *, over_form: bool) -> View:
    leaving = [(each.subscription.label, each.way(WayKind.UNSUBSCRIBE)) for each in items]
    return working.working(
        [(label, way.quote) for label, way in leaving if way and way.quote],
        ways=items[0].ways if len(items) == 1 else (),
        dry_run=any(each.dry_run for each in items),
        over_form=over_form,
    )


def _under_fields(refusal: Incomplete, turn: Turn) -> Mapping[str, str]:
    blocks_of = {
        "reason": ids.REASON,
        "details": ids.DETAILS,
        "acknowledged": submissions.fee_block(turn.body),
        "subscriptions": ids.PACKAGES,
    }
    return {blocks_of[field]: said for field, said in refusal.fields.items() if field in blocks_of}


def _above_buttons(refusal: Incomplete) -> Sequence[str]:
    said = {"acknowledged": blocks.TICK, "details": blocks.OTHER_NEEDS_FORM}
    return [said.get(field, words) for field, words in refusal.fields.items()]
