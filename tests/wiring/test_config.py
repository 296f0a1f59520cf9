"""Settings: what is read, and what is said when something is wrong."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.billing.account import CarriedOut
from bot.config import WrongSetting, load_secrets, load_settings
from bot.config.deciding import deciding_settings
from bot.config.policy import accounts_of, policy_of
from bot.services.policy import ApprovalRule, WhenUnknown


def settings_of(toml: str, tmp_path: Path, **environ: str):
    (tmp_path / "lapse.toml").write_text(toml, encoding="utf-8")
    return load_settings(environ, directory=tmp_path)


def test_without_a_file_there_is_a_ledger_named_default_and_the_defaults_of_the_contract(tmp_path):
    settings = load_settings({}, directory=tmp_path)

    assert settings.accounts["default"].provider == "ledger"
    assert settings.accounts["default"].mode == "live"
    assert settings.reminders.lead_days == (30, 14, 7, 3, 1)
    assert settings.reminders.at == "09:00"
    assert settings.approvals.required == 1
    assert settings.approvals.expires_after_hours == 72
    assert settings.approvals.cooling_off_minutes == 5


def test_what_stays_unknown_is_repeated_after_hours_unless_silence_is_set(tmp_path):
    toml = '[slack]\nwhen_unknown = "silent"\nunknown_after_hours = 24\n'

    assert policy_of(load_settings({}, directory=tmp_path)).when_unknown == WhenUnknown(
        repeats=True, after=timedelta(hours=6)
    )
    assert policy_of(settings_of(toml, tmp_path)).when_unknown == WhenUnknown(
        repeats=False, after=timedelta(hours=24)
    )


def test_a_real_cloud_is_a_dry_run_unless_it_is_set_to_live(tmp_path):
    toml = '[accounts.prod]\nprovider = "huaweicloud"\n[accounts.two]\nprovider = "huaweicloud"\n'
    settings = settings_of(toml + 'execute = "live"\n', tmp_path)

    assert settings.accounts["prod"].mode == "dry-run"
    assert settings.accounts["two"].mode == "live"


def test_the_environment_overrides_any_key_of_the_file(tmp_path):
    settings = settings_of(
        "[approvals]\nrequired = 2\n",
        tmp_path,
        LAPSE_APPROVALS__REQUIRED="3",
        LAPSE_APPROVALS__APPROVERS='["U0APPROVER", "S0GROUP"]',
        LAPSE_ACCOUNTS__PROD__SITE="eu",
    )

    assert settings.approvals.required == 3
    assert settings.approvals.approvers == ("U0APPROVER", "S0GROUP")
    assert settings.accounts["prod"].site == "eu"


def test_nobody_breaks_the_glass_unless_the_settings_name_somebody(tmp_path):
    assert load_settings({}, directory=tmp_path).approvals.break_glass == ()

    settings = settings_of('[approvals]\nbreak_glass = ["U0HEAD", "S0HEADS"]\n', tmp_path)

    assert policy_of(settings).break_glass == ("U0HEAD", "S0HEADS")
    with pytest.raises(WrongSetting, match=r"`approvals\.break_glass"):
        settings_of('[approvals]\nbreak_glass = ["#heads"]\n', tmp_path)


def test_a_rule_of_amount_is_exact_and_needs_its_currency(tmp_path):
    rule = '[[approvals.rules]]\nmin_amount = "10000"\nrequired = 2\n'
    settings = settings_of(rule + 'currency = "USD"\n', tmp_path)

    assert settings.approvals.rules[0].min_amount == Decimal(10000)
    with pytest.raises(WrongSetting, match="`min_amount` and `currency` go together"):
        settings_of(rule, tmp_path)


def test_a_rule_names_account_service_and_tag(tmp_path):
    rule = 'account = "prod"\nservice = "ECS"\ntag = "env=prod"\nrequired = 2\n'
    settings = settings_of(f"[[approvals.rules]]\n{rule}", tmp_path)

    assert policy_of(settings).rules == (
        ApprovalRule(required=2, account="prod", service="ECS", tag="env=prod"),
    )


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (
            "[approvals]\nrequird = 2",
            "`approvals.requird` is not a setting. Did you mean `approvals.required`?",
        ),
        (
            '[[approvals.rules]]\ntag = "=prod"\nrequired = 2',
            '`approvals.rules.0.tag` is "=prod"; '
            "allowed is a tag's name, or name=value. Correct lapse.toml.",
        ),
        (
            "[accounts.prod]\ndeduction_days_before = 9",
            "`accounts.prod.deduction_days_before` is 9; allowed are 2 to 7. Correct lapse.toml.",
        ),
        (
            '[slack]\nroutes = [{match = {servce = "x"}, channel = "C0X"}]',
            "`slack.routes.0.match.servce` is not a setting. "
            "Did you mean `slack.routes.0.match.service`?",
        ),
        (
            '[reminders]\ntimezone = "Mars/Base"',
            '`reminders.timezone` is "Mars/Base"; '
            "allowed are IANA zones, for example Asia/Shanghai. Correct lapse.toml.",
        ),
        (
            '[reminders]\nat = "9 am"',
            '`reminders.at` is "9 am"; allowed is an hour, for example 09:00. Correct lapse.toml.',
        ),
        (
            '[accounts.prod]\nsite = "us"',
            "`accounts.prod.site` is \"us\"; allowed are 'cn', 'intl' or 'eu'. Correct lapse.toml.",
        ),
        (
            '[accounts.prod]\ncarried_out = "me"',
            "`accounts.prod.carried_out` is \"me\"; allowed are 'api' or 'by-hand'."
            " Correct lapse.toml.",
        ),
        (
            '[slack]\napprovals_channel = "#approvals"',
            '`slack.approvals_channel` is "#approvals"; '
            "allowed is a channel id, for example C0FINOPS. Correct lapse.toml.",
        ),
        (
            '[slack]\nwhen_unknown = "never"',
            "`slack.when_unknown` is \"never\"; allowed are 'repeat' or 'silent'."
            " Correct lapse.toml.",
        ),
        (
            "[slack]\nunknown_after_hours = 0",
            "`slack.unknown_after_hours` is 0; allowed are 1 to 168. Correct lapse.toml.",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(toml, sentence, tmp_path):
    with pytest.raises(WrongSetting) as raised:
        settings_of(toml, tmp_path)

    assert str(raised.value) == sentence


def test_an_unknown_section_in_the_environment_is_named(tmp_path):
    with pytest.raises(WrongSetting, match=r"LAPSE_APROVALS__REQUIRED.*LAPSE_APPROVALS__"):
        load_settings({"LAPSE_APROVALS__REQUIRED": "2"}, directory=tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "LAPSE_TRANSPROT",
            "http",
            "`LAPSE_TRANSPROT` is not a setting. Did you mean `LAPSE_TRANSPORT`?",
        ),
        (
            "LAPSE_HTTP_PORT",
            "abc",
            '`LAPSE_HTTP_PORT` is "abc"; allowed are 0 to 65535. Correct the environment.',
        ),
        (
            "SLACK_API_URL",
            "slack.com",
            '`SLACK_API_URL` is "slack.com"; allowed is an address like https://slack.com/api/. '
            "Correct the environment.",
        ),
        (
            "LAPSE_AUDIT_KEY",
            "short",
            "`LAPSE_AUDIT_KEY` is not allowed; allowed is text of 16 characters or more. "
            "Correct the environment.",
        ),
    ],
)
def test_a_wrong_name_or_value_in_the_environment_is_told(name, value, sentence):
    with pytest.raises(WrongSetting) as raised:
        load_secrets({name: value})

    assert str(raised.value) == sentence


def test_credentials_of_accounts_and_an_address_without_its_last_slash_are_taken():
    names = ("LAPSE_ACCOUNT_PROD_AK", "LAPSE_ACCOUNT_PROD_EXECUTE_SK", "LAPSE_LOG")

    secrets = load_secrets(
        dict.fromkeys(names, "x") | {"SLACK_API_URL": "http://127.0.0.1:8099/api"}
    )

    assert secrets.slack_api_url == "http://127.0.0.1:8099/api/"


def test_a_file_that_is_not_toml_and_one_that_is_not_there_are_told(tmp_path):
    with pytest.raises(WrongSetting, match="is not TOML"):
        settings_of("[slack", tmp_path)
    with pytest.raises(WrongSetting, match="which is not there"):
        load_settings({"LAPSE_CONFIG": str(tmp_path / "no.toml")}, directory=tmp_path)


def test_a_secret_is_never_shown_not_even_when_it_is_wrong():
    with pytest.raises(WrongSetting) as raised:
        load_secrets({"LAPSE_AUDIT_KEY": "too short", "LAPSE_ENCRYPTION_KEY": "hunter2"})

    assert "too short" not in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "LAPSE_ENCRYPTION_KEY" in str(raised.value)
    shown = repr(load_secrets({"SLACK_BOT_TOKEN": "xoxb-1-secret"}))
    assert "xoxb-1-secret" not in shown


def test_an_account_is_carried_out_by_hand_where_it_is_set_so(tmp_path):
    settings = settings_of('[accounts.prod]\ncarried_out = "by-hand"\n', tmp_path)

    accounts = accounts_of(settings)
    assert accounts["prod"].carried_out is CarriedOut.BY_HAND
    assert accounts["default"].carried_out is CarriedOut.API
    assert deciding_settings(settings)["accounts.prod.carried_out"] == "by-hand"
