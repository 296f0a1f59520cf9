"""Savings as JSON, for programs: amounts are texts, each beside its currency."""

from collections.abc import Mapping

from bot.billing.money import Money
from bot.billing.savings import Stage
from bot.facts.saving import Figures, Savings, SavingsRow


def savings_json(found: Savings) -> Mapping[str, object]:
    """Everything, with one object for each group and currency."""
    query = found.query
    return {
        "from": query.first.isoformat() if query.first else None,
        "until": query.last.isoformat() if query.last else None,
        "timezone": found.zone.key,
        "by": query.by.value if query.by else None,
        "savings": [_row(each) for each in found.rows],
        "renewals_not_known": found.renewals_not_known,
        "refunds_not_found": found.refunds_not_found,
        "dry_run_subscriptions": found.dry_runs,
    }


def _row(row: SavingsRow) -> Mapping[str, object]:
    stages = {stage.value: _figures(row.figures[stage]) for stage in Stage}
    return {"group": row.group, "currency": row.currency, **stages}


def _figures(figures: Figures) -> Mapping[str, object]:
    return {
        "refund_at_cloud": _amount(figures.refund_at_cloud),
        "refund_estimate": _amount(figures.refund_estimate),
        "renewals_avoided_estimate": _amount(figures.renewals),
        "subscriptions": figures.subscriptions,
    }


def _amount(money: Money) -> str:
    return f"{money.rounded().amount:.2f}"
