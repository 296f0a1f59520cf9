"""What is wrong with a payload, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason for which Slack would refuse a payload.

    `pointer` is a JSON pointer into it; `limit` and `got` are set where a count or length is
    beyond what is allowed; `message` completes the sentence that begins with the pointer.
    """

    pointer: str
    code: str
    message: str
    limit: int | None = None
    got: int | None = None

    @property
    def sentence(self) -> str:
        """The pointer and what is wrong there, in words."""
        return f"{self.pointer or 'it'} {self.message}"


def too_long(pointer: str, *, got: int, most: int, unit: str = "characters") -> Problem:
    """More than Slack takes."""
    message = f"has {got:,} of {most:,} {unit}"
    return Problem(pointer=pointer, code="too_long", message=message, limit=most, got=got)


def too_short(pointer: str, *, got: int, least: int, unit: str = "characters") -> Problem:
    """Less than Slack wants."""
    message = f"has {got:,} {unit}, at least {least:,} are needed"
    return Problem(pointer=pointer, code="too_short", message=message, limit=least, got=got)


def missing(pointer: str, name: str) -> Problem:
    """A required field is not there."""
    return Problem(pointer=pointer, code="required", message=f"lacks {name}")


def wrong_type(pointer: str, *, expected: str, got: object) -> Problem:
    """A value of another kind than Slack reads."""
    kind = {dict: "object", list: "array", str: "string", bool: "boolean"}.get(
        type(got), "null" if got is None else "number"
    )
    message = f"is of type {kind}, expected {expected}"
    return Problem(pointer=pointer, code="wrong_type", message=message)
