"""Recording: a request's change, its messages and its audit lines in one transaction."""

from datetime import datetime

from bot.billing.unsubscription import Event, Request, Verb
from bot.facts.receipt import RecordHead
from bot.ports.record import Personal
from bot.ports.store import Transaction
from bot.services import owing
from bot.services.filing import request_subject, who
from bot.services.policy import Policy


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
    if owing.has_finished(before, saved):
        _owe_receipt(tx, saved, channel=policy.approvals_channel, at=at)
    return saved


def _owe_receipt(tx: Transaction, request: Request, *, channel: str, at: datetime) -> None:
    """Last of all, since its head covers the line of the change that ended the request."""
    entries, digest = tx.audit.head()
    head = RecordHead(entries=entries, digest=digest)
    for delivery in owing.receipts(request, head=head, channel=channel, at=at):
        tx.outbox.owe(delivery)


def _file(tx: Transaction, request: Request, event: Event) -> None:
    facts: dict[str, object] = {
        "state": request.state.value,
        "note": _note(event),
        "worst_refund": str(request.acknowledgement.worst.refund),
        "worst_fee": str(request.acknowledgement.worst.handling_fee),
        "dry_run": request.dry_run,
    }
    if event.verb is Verb.ASKED:
        facts |= {
            "reason": int(request.reason),
            "details": Personal(request.details, request.requested_by),
            "acknowledged": request.acknowledgement.text,
            "rules": request.rules,
        }
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
