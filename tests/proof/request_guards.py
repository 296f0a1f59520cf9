"""The guards of a request on its way from click to proof, and each of them taken away."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from bot.billing import deciding, stepping
from bot.billing.plan import Plan
from bot.billing.standstill import Hindrance
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Event, Item, Request, State, Verb, noted
from bot.services import calling, objections
from bot.services.calling import Calling
from bot.services.filing import Called
from bot.services.stalling import Stalling
from bot.services.standing import Standing
from tests.proof.clerks import Line


@contextmanager
def without_four_eyes() -> Iterator[None]:
    """Whoever decides also decides about what they asked for themselves."""
    usable = deciding._usable

    def also_own(
        request: Request, *, by: SlackUser, authorities: Sequence[SlackUser]
    ) -> Sequence[SlackUser]:
        if by == request.requested_by and authorities:
            return authorities
        return usable(request, by=by, authorities=authorities)

    with patch.object(deciding, "_usable", also_own):
        yield


@contextmanager
def without_other_names() -> Iterator[None]:
    """Whoever decides for the person who asks approves it for them."""
    usable = deciding._usable

    def in_any_name(
        request: Request, *, by: SlackUser, authorities: Sequence[SlackUser]
    ) -> Sequence[SlackUser]:
        usable(replace(request, requested_by=SlackUser("")), by=by, authorities=authorities)
        if by == request.requested_by:
            raise deciding.CannotApproveOwnRequest(request.number)
        return authorities

    with patch.object(deciding, "_usable", in_any_name):
        yield


@contextmanager
def without_rights() -> Iterator[None]:
    """Whoever sees the button approves."""

    def as_oneself(
        request: Request, *, by: SlackUser, authorities: Sequence[SlackUser]
    ) -> Sequence[SlackUser]:
        if by == request.requested_by:
            raise deciding.CannotApproveOwnRequest(request.number)
        return authorities or (by,)

    with patch.object(deciding, "_usable", as_oneself):
        yield


@contextmanager
def without_different_people() -> Iterator[None]:
    """Approvals are counted, and not the people who gave them."""

    def counted(
        request: Request,
        *,
        by: SlackUser,
        at: datetime,
        authorities: Sequence[SlackUser],
        cools_off_minutes: int = 0,
    ) -> Request:
        usable = deciding._usable(request, by=by, authorities=authorities)
        deciding._demand_waiting(request, at=at)
        behalf = usable[0] if usable[0] != by else None
        approved = noted(request, Verb.APPROVED, by=by, at=at, behalf=behalf)
        if len(approved.approvals) < request.required_approvals:
            return approved
        return deciding._cooling_off(approved, at=at, minutes=cools_off_minutes)

    with patch.object(deciding, "approve", counted):
        yield


@contextmanager
def without_newest_alone() -> Iterator[None]:
    """What was approved before other figures were acknowledged still counts."""

    def given(request: Request) -> tuple[Event, ...]:
        return tuple(e for e in request.events if e.verb is Verb.APPROVED and e.by is not None)

    with patch.object(Request, "approvals", property(given)):
        yield


@contextmanager
def without_new_dependents() -> Iterator[None]:
    """Nobody asks what depends on it now."""
    with patch.object(objections, "_new_dependents", lambda *_: None):
        yield


@contextmanager
def without_last_look() -> Iterator[None]:
    """Nobody compares figures before each call, and prices never."""
    with patch.object(calling, "exceeds", lambda *_: None), without_prices():
        yield


@contextmanager
def without_refusals() -> Iterator[None]:
    """What the rules refuse once it began is sent, for the cloud to say so."""
    refused, prices = objections.refused, objections._prices

    def begun(request: Request, plan: Plan) -> str | None:
        return None if request.state is State.EXECUTING else refused(request, plan)

    def known(item: Item, plan: Plan) -> Iterator[str]:
        return prices(item, plan) if item.key in plan.quotes else iter(())

    with patch.object(objections, "refused", begun), patch.object(objections, "_prices", known):
        yield


@contextmanager
def without_prices() -> Iterator[None]:
    """Figures are compared, and not what they rest on."""
    with patch.object(objections, "paid_otherwise", lambda *_: None):
        yield


@contextmanager
def without_looking_around() -> Iterator[None]:
    """Nobody asks the cloud what stands beside what goes."""
    with patch.object(Line, "around", lambda *_: []):
        yield


@contextmanager
def without_end_of_figures() -> Iterator[None]:
    """It is carried out two days after the figures held."""
    later = property(lambda request: request.deadline + timedelta(days=2))
    with patch.object(Request, "good_until", later):
        yield


@contextmanager
def without_giving_up() -> Iterator[None]:
    """What cannot go on is tried for ever."""

    def try_again(
        self: Stalling,
        request: Request,
        _: Hindrance,
        *,
        again: datetime,
        moved: Request | None = None,
        called: Called | None = None,
    ) -> None:
        later = again + timedelta(days=30)
        self._progress.save(request, moved or request, again=later, called=called)

    with patch.object(Stalling, "hold", try_again):
        yield


@contextmanager
def without_what_was_shown() -> Iterator[None]:
    """An approval counts for whatever is acknowledged when it comes."""
    with patch.object(deciding, "demand_shown", lambda *_: None):
        yield


@contextmanager
def without_settings() -> Iterator[None]:
    """It is carried out as it was asked for, whatever the settings say now."""
    with patch.object(objections, "set_otherwise", lambda *_: None):
        yield


@contextmanager
def without_names() -> Iterator[None]:
    """Whoever approved it before it began counts for ever."""
    against = Standing.against

    def before(self: Standing, request: Request) -> str | Hindrance | None:
        return None if request.state is State.EXECUTING else against(self, request)

    with patch.object(Standing, "against", before):
        yield


@contextmanager
def without_rehearsing() -> Iterator[None]:
    """Whoever says so has done a dry run by hand."""
    said = stepping.done_by_hand

    def whatever(request: Request, *, by: SlackUser, at: datetime, why: str) -> Request:
        done = said(replace(request, dry_run=False), by=by, at=at, why=why)
        return replace(done, dry_run=request.dry_run)

    with patch.object(stepping, "done_by_hand", whatever):
        yield


@contextmanager
def without_look_at_earlier() -> Iterator[None]:
    """Nobody looks for what a request that is over left at the cloud."""
    with patch.object(Calling, "_waits_for_earlier", lambda *_: False):
        yield


GUARDS: Mapping[str, tuple[Callable[[], Any], str]] = {
    "four eyes": (without_four_eyes, "asked for."),
    "never for the requester": (without_other_names, "asked for."),
    "rights": (without_rights, "may not|asked for"),
    "different people": (without_different_people, "people approved in the names of"),
    "the newest acknowledgement": (without_newest_alone, "approved"),
    "new dependents": (without_new_dependents, "it began upon"),
    "prices": (without_prices, "the facts were"),
    "refusals": (without_refusals, "could not be told."),
    "looking around": (without_looking_around, "it began upon"),
    "the end of the figures": (without_end_of_figures, "after the figures held."),
    "giving up": (without_giving_up, "it ended as "),
    "figures before each call": (without_last_look, "the facts were"),
    "what was shown": (without_what_was_shown, "what was shown as"),
    "settings": (without_settings, "against the settings."),
    "rehearsing": (without_rehearsing, "it is done, and |it is a dry run, and "),
    "a look at earlier calls": (without_look_at_earlier, " again"),
    "names before each call": (without_names, "people approved in the names of"),
}
"""Each with a pattern of what is said when it is missed.

Those of a call by itself are in `call_guards`, where every step of it dies.
"""

MISSED_AT_ONCE = (
    "four eyes",
    "never for the requester",
    "rights",
    "different people",
    "giving up",
)
"""Those that nearly any example misses; the others take minutes, and a release tries them all."""

EXAMPLES_FOR_A_SEED, SEEDS_FOR_A_GUARD = 60, 24
"""Most are missed by the first; what Hypothesis draws from a seed depends on all that is loaded."""


def missed(name: str, played: Callable[..., str]) -> str:
    """What went wrong first without a guard, in the words that say so; nothing if nobody missed it.

    `played` plays so many examples by a seed.
    """
    guard, broken = GUARDS[name]
    with guard():
        told = (played(EXAMPLES_FOR_A_SEED, seed=each) for each in range(SEEDS_FOR_A_GUARD))
        wrong = next((each for each in told if each), "")
    return wrong if re.search(broken, wrong) else ""
