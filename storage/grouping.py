"""Groups: the quotas and packages of an account and region, which stay together in a list."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from bot.billing.subscription import SubscriptionKey
from storage import rows
from storage.tables import LIVE, subscriptions
from storage.types import NEVER
from storage.work import Work, among

_ROW = subscriptions.c


def of(work: Work, keys: Collection[SubscriptionKey]) -> set[tuple[str, str]]:
    """Account and group key of quotas and packages among the keys, as they stand now."""
    found: set[tuple[str, str]] = set()
    for piece in rows.pieces(keys):
        for row in work.connection.execute(
            select(_ROW.account, _ROW.group_key).where(
                work.shown(subscriptions),
                among(_ROW.account, _ROW.id, piece),
                _ROW.group_rank < rows.ALONE,
            )
        ):
            found.add((row.account, row.group_key))
    return found


def settle(work: Work, groups: Collection[tuple[str, str]]) -> None:
    """A group stands where its quotas' earliest anchor is; without one, its packages'."""
    if not groups:
        return
    earliest = earliest_of(work, groups)
    work.connection.execute(
        update(subscriptions)
        .where(
            work.shown(subscriptions),
            _ROW.account == bindparam("of_account"),
            _ROW.group_key == bindparam("of_group"),
            _ROW.group_anchor_at != bindparam("earliest"),
        )
        .values(group_anchor_at=bindparam("earliest")),
        [
            {"of_account": account, "of_group": group, "earliest": when}
            for (account, group), when in earliest.items()
        ],
    )


def earliest_of(
    work: Work, groups: Collection[tuple[str, str]], *, generation: int | None = None
) -> Mapping[tuple[str, str], datetime]:
    """Where each group stands, now or in another generation."""
    by_rank: dict[tuple[str, str], dict[int, datetime]] = {group: {} for group in groups}
    wanted = sorted(groups)
    for start in range(0, len(wanted), rows.CHUNK):
        found = work.connection.execute(
            select(_ROW.account, _ROW.group_key, _ROW.group_rank, func.min(_ROW.anchor_at))
            .where(
                work.shown(subscriptions, generation),
                LIVE,
                among(_ROW.account, _ROW.group_key, wanted[start : start + rows.CHUNK]),
            )
            .group_by(_ROW.account, _ROW.group_key, _ROW.group_rank)
        )
        for account, group, rank, when in found:
            by_rank[account, group][rank] = when
    return {
        group: ranks[rows.QUOTA]
        if ranks.get(rows.QUOTA, NEVER) != NEVER
        else min(ranks.values(), default=NEVER)
        for group, ranks in by_rank.items()
    }
