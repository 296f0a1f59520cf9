"""Vouching: who did something by hand shows it, and a second person says that it is gone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlsplit

from bot.billing import by_hand
from bot.billing.rights import Action, may
from bot.billing.standstill import Hindrance
from bot.billing.subscription import SlackUser, Subscription
from bot.billing.unsubscription import AlreadyDecided, Request, State, UnsubscriptionError
from bot.ports.clock import Clock
from bot.ports.store import Store, Transaction
from bot.services.ascertaining import sent_back
from bot.services.changing import Changing, load
from bot.services.entrusting import who_may_look
from bot.services.errors import ChecklistIncomplete, GuestRefused, NotAllowed, RequestRefused
from bot.services.figures import keys_of
from bot.services.forms import demand_why
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.standing import Standing

LINK_LIMIT = 500
"""Characters of a link."""

NO_ITEMS = "Tick at least one subscription."
NO_LINK = "Give a link to what shows it, the vendor's answer or a message, or a file below."
ONE_OF_THEM = "Give a link or a file, not both."
NO_ADDRESS = "Slack did not say where this file is. Put it into the thread and give its link."
NOT_A_LINK = "A link begins with https:// or http://, names a host, and has no blanks."

_BREAKS_A_LINK = frozenset('<>|`"')
"""What ends a link in a message, or the words around it."""

Move = Callable[[Request, datetime, Sequence[Subscription]], Request]
"""What becomes of a request, at an instant, with what the catalogue says of its items."""


class Vouching:
    """What people say about a request that is carried out by hand; rights at every call."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._people = people
        self._standing = Standing(store=store, policy=policy, people=people)
        self._changing = Changing(store=store, clock=clock, policy=policy)

    def open(self, number: int, *, by: SlackUser) -> Request:
        """A request of which the person may say that some is done, while some is left to do.

        Raises NotAllowed, and RequestRefused when somebody else did it meanwhile, or nobody else
        could look.
        """
        with self._store.reading() as tx:
            request = load(tx, number)
            held = _held(tx, request)
            self._check(by, Action.CARRY_OUT, request, held)
        waits = request.state in {State.EXECUTING, State.FAILED} and not request.closed
        try:
            if not waits or not by_hand.open_items(request):
                raise AlreadyDecided(request)
            whom = who_may_look(self._people, request, held, besides=by)
            by_hand.demand_second(request, by=by, whom=whom)
        except UnsubscriptionError as error:
            raise RequestRefused(error, request) from error
        return request

    def demand(self, number: int, action: Action, *, by: SlackUser) -> Request:
        """The request, if the person may do this about it; raises NotAllowed, UnknownRequest."""
        with self._store.reading() as tx:
            request = load(tx, number)
            self._check(by, action, request, _held(tx, request))
        return request

    def done(
        self,
        number: int,
        *,
        by: SlackUser,
        items: Collection[int],
        evidence: str,
        file: str = "",
        note: str = "",
        shown: int = 0,
    ) -> Request:
        """Say that some of it is done, and show it; the last of it calls a second person.

        `evidence` is a link, or `file` is where a file is that shows it. `shown` is the turn of the
        checklist that the person saw. Raises ChecklistIncomplete without an item, or one of the
        two, NotAllowed, and RequestRefused when somebody else said so first, sent it back since, or
        nobody else could look.
        """
        link = _evidence(evidence.strip(), file, items)
        against = self._against(number)

        def move(request: Request, at: datetime, held: Sequence[Subscription]) -> Request:
            did = by_hand.carry_out(
                request,
                numbers=items,
                by=by,
                at=at,
                evidence=link,
                note=note.strip() or None,
                whom=who_may_look(self._people, request, held, besides=by),
                stands=against is None,
            )
            if did.state is State.FAILED and isinstance(against, str):
                return replace(did, problem=against)
            return did

        return self._change(number, Action.CARRY_OUT, by, move, shown=shown)

    def gone(self, number: int, *, by: SlackUser, shown: int = 0) -> Request:
        """Say that all of what was `shown` as done is gone; never whoever did some of it.

        Raises NotAllowed, and RequestRefused, also when it was sent back and done again since.
        """
        return self._change(
            number,
            Action.CONFIRM,
            by,
            lambda request, at, _: by_hand.confirm(request, by=by, at=at),
            shown=shown,
        )

    def still_there(
        self, number: int, *, by: SlackUser, items: Collection[int], why: str, shown: int = 0
    ) -> Request:
        """Say which of it is still there, and why; it is to be done again, else it has failed.

        Raises ChecklistIncomplete, Incomplete without a reason, and what `gone` raises.
        """
        if not items:
            raise ChecklistIncomplete({"items": NO_ITEMS})
        said = demand_why(why)
        against = self._against(number)

        def move(request: Request, at: datetime, _: Sequence[Subscription]) -> Request:
            opened = by_hand.still_there(
                request, numbers=items, by=by, at=at, why=said, stands=against is None
            )
            return sent_back(opened, at=at, against=against)

        return self._change(number, Action.CONFIRM, by, move, shown=shown)

    def _against(self, number: int) -> str | Hindrance | None:
        """Why nobody is asked to do what is left of it: it is approved no more, or nobody knows."""
        with self._store.reading() as tx:
            request = load(tx, number)
        return self._standing.against(request)

    def _change(
        self, number: int, action: Action, by: SlackUser, move: Move, *, shown: int
    ) -> Request:
        def checked(tx: Transaction, request: Request, at: datetime) -> Request:
            held = _held(tx, request)
            self._check(by, action, request, held)
            moved = move(request, at, held)
            by_hand.demand_shown(request, shown)
            return moved

        return self._changing.save(number, checked)

    def _check(
        self, by: SlackUser, action: Action, request: Request, held: Sequence[Subscription]
    ) -> None:
        actor = self._people.actor(by)
        if actor.guest:
            raise GuestRefused
        asker = request.requested_by
        if may(actor, action, requester=asker):
            return
        if any(may(actor, action, subscription=each, requester=asker) for each in held):
            return
        owners = [user for each in held for user in (each.owner, each.deputy) if user]
        others = [asker] if action is Action.CARRY_OUT else []
        raise NotAllowed.caring(list(dict.fromkeys([*owners, *others])))


def _held(tx: Transaction, request: Request) -> Sequence[Subscription]:
    found = (tx.catalogue.get(key) for key in keys_of(request))
    return [each for each in found if each is not None]


def _evidence(link: str, file: str, items: Collection[int]) -> str:
    """The link, or where the file is; raises ChecklistIncomplete for what is neither."""
    missing = {} if items else {"items": NO_ITEMS}
    address, place = _address(link), _address(file)
    if link and file:
        missing["file"] = ONE_OF_THEM
    elif file and not (place and len(place) <= LINK_LIMIT):
        missing["file"] = NO_ADDRESS
    elif not file and (problem := _problem(link, address)):
        missing["evidence"] = problem
    if missing:
        raise ChecklistIncomplete(missing)
    return address or place


def _problem(link: str, address: str) -> str | None:
    """Why it is no link that can be shown."""
    if not link:
        return NO_LINK
    if not address:
        return NOT_A_LINK
    too_long = f"At most {LINK_LIMIT} characters; this has {len(address):,}."
    return too_long if len(address) > LINK_LIMIT else None


def _address(text: str) -> str:
    """The link as it is kept; empty for what is none.

    What a message cannot carry, or nobody sees, is percent-encoded as a browser would do it.
    """
    if any(each.isspace() for each in text):
        return ""
    address = "".join(_encoded(each) for each in text)
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    named = bool(host) and "%" not in host
    return address if named and parts.scheme in {"http", "https"} else ""


def _encoded(each: str) -> str:
    plain = each.isprintable() and each not in _BREAKS_A_LINK
    return each if plain else quote(each, errors="replace")
