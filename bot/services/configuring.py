"""Configuring: which settings decided since the last start, so that the record shows a change."""

from collections.abc import Mapping

from bot.ports.clock import Clock
from bot.ports.record import Personal
from bot.ports.store import Store

SETTINGS = "settings"
"""What lines about settings are filed under, and the note of those recorded last."""

_PERSON = ("U", "W")


def record_settings(
    store: Store, clock: Clock, settings: Mapping[str, object], *, by: str | Personal
) -> bool:
    """Put what changed since the last start into the record; whether anything did.

    `settings` are those that decide something, by key, without any secret. `by` is who started
    Lapse: nobody knows who wrote the file. The first start records all of them.
    """
    with store.reading() as tx:
        if tx.notes.get(SETTINGS) == settings:
            return False
    with store.transaction() as tx:
        before = tx.notes.held(SETTINGS)
        changed = {
            key: {"from": _told(before.get(key)), "to": _told(settings.get(key))}
            for key in sorted({*before, *settings})
            if before.get(key) != settings.get(key)
        }
        if not changed:
            return False
        tx.notes.put(SETTINGS, settings)
        tx.audit.append(
            at=clock.now(),
            actor=by,
            action="settings.changed" if before else "settings.first",
            subject=SETTINGS,
            facts=changed,
        )
    return True


def _told(value: object) -> object:
    """The value, in which the ids of people can be erased."""
    if isinstance(value, list):
        return [_told(each) for each in value]
    if isinstance(value, str) and value.startswith(_PERSON) and value.isalnum() and value.isupper():
        return Personal.id(value)
    return value
