"""Recording: a request's change, its messages and its audit lines in one transaction."""

from datetime import datetime

from bot.billing.unsubscription import Event, Request, State, Verb
from bot.facts.receipt import RecordHead
from bot.ports.record import Personal
from bot.ports.store import Transaction
from bot.services import owing, relieving, switched
from bot.services.filing import request_subject, who
from bot.services.policy import Policy
from bot.services.snapshot import digest_of, snapshot_of


def save(
    tx: Transaction, before: Request | None, moved: Request, *, policy: Policy, at: datetime
) -> Request:
    """Save a request with everything that its change owes; raises ChangedMeanwhile.

    Card, thread lines, receipt, the requester's note, updates of notes whose button goes and of
    reminders that show its items, and an audit line for every event.
    """
    saved = tx.requests.save(moved)
    for delivery in owing.after_save(before, saved, channel=policy.approvals_channel, at=at):
        tx.outbox.owe(delivery)
    for delivery in owing.note_updates(tx, before, saved, at=at):
        tx.outbox.owe(delivery)
    if before is None or before.state is not saved.state:
        cause = f"{request_subject(saved.number)}/v{saved.version}"
        keys = [item.key for item in saved.items]
        for delivery in owing.reminder_updates(tx, keys, cause=cause, at=at):
            tx.outbox.owe(delivery)
    for event in saved.events[len(before.events) if before else 0 :]:
        _file(tx, saved, event)
    if moved.change.renews is not None and _has_switched(before, saved):
        _keep_switched(tx, saved, at=at)
    if owing.has_finished(before, saved):
        _owe_receipt(tx, saved, owing.receipts, channel=policy.approvals_channel, at=at)
    elif owing.has_looked_again(before, saved):
        _owe_receipt(tx, saved, owing.renewed_receipts, channel=policy.approvals_channel, at=at)
    if before is not None:
        relieving.relieve(tx, before, saved, at=at)
    return saved


def _has_switched(before: Request | None, saved: Request) -> bool:
    """Whether a saved change is that auto-renewal reads as it was asked for."""
    was = before.state if before else None
    return saved.state is State.DONE and was is not State.DONE and not saved.dry_run


def _keep_switched(tx: Transaction, request: Request, *, at: datetime) -> None:
    """Whose wish it was, and a line under each subscription, as where it is turned off at once."""
    on = bool(request.change.renews)
    for item in request.items:
        switched.remember(tx, item.key, on=on, by=request.requested_by, at=at)
        tx.audit.append(
            at=at,
            actor=who(request.requested_by),
            action=f"autorenew.{'on' if on else 'off'}",
            subject=str(item.key),
            facts={"read_back": "on" if on else "off", "request": request.number},
        )


def _owe_receipt(
    tx: Transaction, request: Request, of: owing.Receipts, *, channel: str, at: datetime
) -> None:
    """Last of all, since its head covers the line of the change that it tells of."""
    entries, digest = tx.audit.head()
    head = RecordHead(entries=entries, digest=digest)
    for delivery in of(request, head=head, channel=channel, at=at):
        tx.outbox.owe(delivery)


def _file(tx: Transaction, request: Request, event: Event) -> None:
    seen = snapshot_of(request)
    facts: dict[str, object] = {
        "snapshot": digest_of(seen),
        "state": request.state.value,
        "note": _note(event),
        "worst_refund": str(request.acknowledgement.worst.refund),
        "worst_fee": str(request.acknowledgement.worst.handling_fee),
        "dry_run": request.dry_run,
    }
    if event.verb is Verb.ASKED:
        facts |= {
            "change": request.change.value,
            "reason": int(request.reason),
            "details": Personal(request.details, request.requested_by),
            "acknowledged": request.acknowledgement.text,
            "rules": request.rules,
        }
    if event.verb in {Verb.ASKED, Verb.ACKNOWLEDGED}:
        approvers = [Personal.id(each) for each in request.approvers]
        facts |= {"seen": seen, "approvers": approvers}
    action = f"request.{event.verb.value}"
    if event.behalf:
        facts["behalf"] = Personal.id(event.behalf)
    if event.called:
        facts["called"] = [Personal.id(each) for each in event.called]
    if event.evidence and event.by:
        facts["evidence"] = Personal(event.evidence, event.by)
    actor = who(event.by)
    subject = request_subject(request.number)
    tx.audit.append(at=event.at, actor=actor, action=action, subject=subject, facts=facts)
    for item in request.items:
        tx.audit.append(
            at=event.at,
            actor=actor,
            action=action,
            subject=str(item.key),
            facts={"request": request.number, "item": item.state.value},
        )


def _note(event: Event) -> str | Personal | None:
    """What a person wrote can be erased; what Lapse notes tells of nobody."""
    if event.note is None or event.by is None:
        return event.note
    return Personal(event.note, event.by)
