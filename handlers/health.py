"""Whether Slack answers, and whether it granted what Lapse needs."""

from collections.abc import Collection

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from handlers.refusals import LOST, code_of


def slack_trouble(client: WebClient) -> str:
    """A sentence when Slack does not answer or does not accept the token, else an empty text."""
    try:
        client.auth_test()
    except SlackApiError as error:
        return (
            f"Slack does not accept the token ({error.response['error']}). "
            "Install the app again, then set `SLACK_BOT_TOKEN`."
        )
    except LOST as error:
        return f"Slack cannot be reached ({code_of(error)}). Check the network."
    return ""


def missing_scopes(client: WebClient, *, wanted: Collection[str]) -> tuple[str, ...]:
    """Those of the wanted scopes that the token does not carry, as Slack's own header says.

    Raises SlackApiError, or one of `refusals.LOST`.
    """
    granted = str(client.auth_test().headers.get("x-oauth-scopes", ""))
    held = {scope.strip() for scope in granted.split(",")}
    return tuple(scope for scope in sorted(wanted) if scope not in held)
