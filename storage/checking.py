"""Checking the record: which entry is the first that is not as it was written, and what it is."""

import hmac
from collections.abc import Callable, Iterable, Iterator

from bot.ports.record import Bad, Tampering
from storage.chain import Chain, Head, Kept


class Checking:
    """Looks at one workspace's lines, in the order of their numbers, and at its head.

    `read` gives the lines from the beginning, each time it is called.
    """

    def __init__(
        self, chain: Chain, *, read: Callable[[], Iterable[Kept]], head: Head | None, total: int
    ) -> None:
        self._chain = chain
        self._read = read
        self._total = total
        self._head = head if head is not None and self._is_sealed(head) else None

    def first_bad(self) -> Bad | None:
        """The first that is bad; None when lines and head are as they were written."""
        digest, count = self._chain.start, 0
        for kept, following in _with_next(self._read()):
            count += 1
            if not self._holds(kept, digest, count):
                return Bad(number=count, how=self._what(kept, following, digest, count))
            digest = kept.digest
        head = self._head
        if head is not None and head.entries == count and _same(head.digest, digest):
            return None
        cut = head is not None and head.entries > count
        return Bad(number=count + 1, how=Tampering.CUT if cut else Tampering.UNSEALED)

    def _is_sealed(self, head: Head) -> bool:
        try:
            due = self._chain.head(head.entries, head.digest)
        except (TypeError, ValueError):
            return False
        return _same(due.seal, head.seal)

    def _holds(self, kept: Kept, before: str, number: int) -> bool:
        return kept.number == number and _same(self._due(kept, before, number), kept.digest)

    def _due(self, kept: Kept, before: str, number: int) -> str:
        """The digest that a line would have in a place; empty for what never was a line."""
        try:
            return self._chain.digest(before, number, kept.line)
        except (TypeError, ValueError):
            return ""

    def _what(self, kept: Kept, following: Kept | None, before: str, number: int) -> Tampering:
        if kept.number == number and self._fits(kept, following, before, number):
            return Tampering.ALTERED
        surplus = self._total - self._head.entries if self._head else 0
        if surplus < 0:
            return Tampering.REMOVED
        if surplus > 0:
            return Tampering.INSERTED
        if kept.number != number:
            return Tampering.MOVED if self._head else Tampering.REMOVED
        return Tampering.MOVED if self._comes_from_elsewhere(kept) else Tampering.ALTERED

    def _fits(self, kept: Kept, following: Kept | None, before: str, number: int) -> bool:
        """Whether what comes next was chained to this place, so that only this line differs."""
        own = (str(kept.digest), self._due(kept, before, number))
        if following is not None:
            return any(self._holds(following, each, number + 1) for each in own)
        head = self._head
        return head is not None and head.entries == number and head.digest in own

    def _comes_from_elsewhere(self, kept: Kept) -> bool:
        """Whether it is the very line of another place."""
        for each in self._read():
            for number in (each.number, each.number + 1):
                if _same(self._due(kept, each.digest, number), kept.digest):
                    return True
        return _same(self._due(kept, self._chain.start, 1), kept.digest)


def _with_next(lines: Iterable[Kept]) -> Iterator[tuple[Kept, Kept | None]]:
    held: Kept | None = None
    for each in lines:
        if held is not None:
            yield held, each
        held = each
    if held is not None:
        yield held, None


def _same(one: str, other: object) -> bool:
    if not isinstance(other, str):
        return False
    return hmac.compare_digest(*(each.encode(errors="surrogatepass") for each in (one, other)))
