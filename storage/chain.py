"""The chain of the record: each digest covers the one before it, and a seal covers the last."""

import hmac
from dataclasses import dataclass
from json import dumps

from storage.types import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it lies in the table: persons as hashes, facts and origin as canonical JSON.

    `origin` is None in lines of a Lapse that did not record it. What was read from the table may
    be of another type, once somebody else wrote into it.
    """

    at: int
    actor: str
    action: str
    subject: str
    facts: str
    origin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A line with its place and its digest."""

    number: int
    line: Line
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The row that says where the record ends."""

    entries: int
    digest: str
    seal: str


class Chain:
    """The keyed digests of one workspace's record."""

    def __init__(self, key: bytes, team_id: str) -> None:
        self._key = key
        self._team = team_id

    @property
    def start(self) -> str:
        """What the first line is chained to."""
        return self._digest(f"audit of {self._team}")

    def digest(self, before: str, number: int, line: Line) -> str:
        """The digest of a line in its place; TypeError or ValueError for what cannot be a line."""
        if type(line.at) is not int or type(number) is not int:
            raise TypeError(line)
        origin = f'"origin":{line.origin},' if line.origin is not None else ""
        told = (
            f'{{"action":{dumps(line.action)},"actor":{dumps(line.actor)},"at":{line.at},'
            f'"facts":{line.facts},"number":{number},{origin}"subject":{dumps(line.subject)}}}'
        )
        return self._digest(before + told)

    def head(self, count: int, digest: str) -> Head:
        """The head of a record that ends there, sealed."""
        told = canonical({"team": self._team, "entries": count, "digest": digest})
        return Head(entries=count, digest=digest, seal=self._digest(told))

    def _digest(self, text: str) -> str:
        return hmac.digest(self._key, text.encode(), "sha256").hex()
