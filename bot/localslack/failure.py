"""The answers with which Slack refuses a call."""

from collections.abc import Mapping
from typing import Any


class SlackError(Exception):
    """A refusal by its code; `more` joins the answer beside `ok` and `error`."""

    def __init__(self, code: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.more = dict(more or {})

    def answer(self) -> dict[str, Any]:
        """The JSON that Slack sends."""
        return {"ok": False, "error": self.code, **self.more}
