"""The use cases that the listeners call, as one bundle."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.ports.clock import Clock
from bot.services.attesting import Attesting
from bot.services.delegating import Delegating
from bot.services.discretion import Discretion
from bot.services.errors import Refused
from bot.services.filing import Click
from bot.services.homing import Homing
from bot.services.listing import Listing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.renewing import Renewing
from bot.services.saving import Saving
from bot.services.status import Status
from bot.services.switching import Switching
from bot.services.touring import Touring
from bot.services.unsubscribing import Unsubscribing
from bot.services.vouching import Vouching


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a listener may ask. `seen` is true the first time an event id is shown.

    `refused` puts a refused click into the record.
    """

    listing: Listing
    unsubscribing: Unsubscribing
    vouching: Vouching
    delegating: Delegating
    attesting: Attesting
    renewing: Renewing
    switching: Switching
    reminding: Reminding
    saving: Saving
    homing: Homing
    discretion: Discretion
    status: Status
    people: People
    policy: Policy
    clock: Clock
    seen: Callable[[str], bool]
    refused: Callable[[Click, Refused], None]
    touring: Touring
