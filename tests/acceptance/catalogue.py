"""Subscriptions that stories are told about, with the terms of the samples."""

from collections.abc import Mapping
from typing import Any

SECMASTER = {"service": "SecMaster", "region": "ap-southeast-1", "billing_mode": "yearly/monthly"}


def bought(effective: str, expires: str, cash: str, *, months: int = 12, currency: str = "USD"):
    """One paid order; dates in the cloud's zone."""
    return {
        "order_type": "new",
        "term_months": months,
        "effective_at": f"{effective}T09:20:15+08:00",
        "expires_at": f"{expires}T23:59:59+08:00",
        "currency": currency,
        "cash": cash,
    }


def subscription(key: str, name: str, order: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An in-use subscription with auto-renewal on."""
    account, _, id_ = key.partition("/")
    return {
        "account": account,
        "id": id_,
        "name": name,
        "kind": "resource",
        "billing_mode": "yearly/monthly",
        "status": "in-use",
        "auto_renew": True,
        "auto_renew_months": order["term_months"],
        "renewal_price": order["cash"],
        "owner": "U0OWNER",
        "orders": [order],
        **more,
    }


def group(account: str, order_dates: tuple[str, str]) -> list[dict[str, Any]]:
    """A professional quota with two packages, as in the samples."""
    return [
        subscription(
            f"{account}/{account}-quota",
            "SecMaster Professional, 50 ECS",
            bought(*order_dates, "3600.00"),
            **SECMASTER,
            kind="quota",
            edition="professional",
            quantity="50",
        ),
        subscription(
            f"{account}/{account}-screen",
            "Large screen",
            bought(*order_dates, "900.00"),
            **SECMASTER,
            kind="package",
            package="large-screen",
        ),
        subscription(
            f"{account}/{account}-orchestration",
            "Security orchestration",
            bought(*order_dates, "1200.00"),
            **SECMASTER,
            kind="package",
            package="security-orchestration",
        ),
    ]


STAGING = group("staging", ("2026-05-10", "2027-05-10"))
PROD = group("prod", ("2025-12-07", "2026-12-07"))
HK = subscription(
    "hk/hk-quota",
    "SecMaster Standard, 20 ECS",
    bought("2025-12-10", "2026-12-10", "1080.00"),
    **SECMASTER,
    kind="quota",
    edition="standard",
    quantity="20",
)
LAB = subscription(
    "lab/lab-quota",
    "SecMaster Standard, 10 ECS",
    bought("2026-07-01", "2027-07-01", "540.00"),
    **SECMASTER,
    kind="quota",
    edition="standard",
    quantity="10",
)
RUNNERS = [
    subscription(
        f"prod/runner-{number:02}",
        f"build-runner-{number:02}, ECS",
        bought("2026-11-10", f"2026-12-{number + 9:02}", "61.20", months=1),
        service="ECS",
        region="ap-southeast-1",
    )
    for number in range(1, 16)
]
