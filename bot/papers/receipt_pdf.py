"""A receipt as one page of A4; the same receipt gives the same bytes.

Nothing is embedded or fetched: Latin letters are Helvetica, which every reader has, and the others
are set in Adobe's fonts for Chinese, Japanese and Korean, which readers replace by their own. What
none of them has is set by its plain letter, else as a question mark. The page is not compressed, so
that its bytes do not depend on the machine's zlib.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from itertools import groupby
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bot.facts.receipt import ReceiptFacts
from bot.papers import receipt_lines as lines

WIDTH, HEIGHT = A4
MARGIN = 48.0
ROOM = WIDTH - 2 * MARGIN
NAMES = 84.0
PLAIN, BOLD = "Helvetica", "Helvetica-Bold"
SIZE, SMALL, LEADING = 9.0, 8.0, 12.0
GREY, BLACK = 0.4, 0.0
ELLIPSIS = "…"

LONGEST = 3
"""Lines that one fact may take, an approval one; what is longer is in the JSON."""

APPROVALS = 6

ABROAD = (
    ("gbk", "STSong-Light"),
    ("shift_jis", "HeiseiMin-W3"),
    ("euc_kr", "HYSMyeongJo-Medium"),
    ("big5", "MSung-Light"),
)
"""Which letters the fonts have that need no file, the most common first."""

WIDTHS = (16.0, 180.0, 82.0, 76.0, 76.0, 69.0)
"""Of the columns of the items but the last, which stands below the others."""


def receipt_pdf(found: ReceiptFacts) -> bytes:
    """The page of a receipt."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=0, invariant=1)
    canvas.setTitle(lines.title(found))
    canvas.setAuthor("Lapse")
    canvas.setCreator("Lapse")
    _draw(_Page(canvas), found)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


class _Page:
    """What is still free of a page, from the top."""

    def __init__(self, canvas: Any) -> None:
        self.y = HEIGHT - MARGIN
        self._canvas = canvas

    def line(self, text: str, *, font: str = PLAIN, size: float = SIZE) -> None:
        """One line as wide as the page, cut where it is longer."""
        self.y -= size
        self.write(fitted(text, ROOM, font, size), MARGIN, font=font, size=size)
        self.y -= LEADING - SIZE

    def space(self, points: float) -> None:
        """Leave a gap."""
        self.y -= points

    def rule(self) -> None:
        """A thin line across."""
        self._canvas.setStrokeGray(0.7)
        self._canvas.setLineWidth(0.5)
        self._canvas.line(MARGIN, self.y, MARGIN + ROOM, self.y)

    def write(
        self,
        text: str,
        x: float,
        *,
        font: str = PLAIN,
        size: float = SIZE,
        to_right: bool = False,
        grey: bool = False,
    ) -> None:
        """Text on the current line, each letter in a font that has it; it ends at `x` if asked."""
        self._canvas.setFillGray(GREY if grey else BLACK)
        at = x - width(text, font, size) if to_right else x
        for each, run in _runs(text, font):
            self._canvas.setFont(each, size)
            self._canvas.drawString(at, self.y, run)
            at += pdfmetrics.stringWidth(run, each, size)


def _draw(page: _Page, found: ReceiptFacts) -> None:
    page.line(lines.title(found), font=BOLD, size=16)
    page.space(4)
    for each in wrapped(lines.outcome(found), ROOM, BOLD, SIZE, most=LONGEST):
        page.line(each, font=BOLD)
    page.space(8)
    _facts(page, [_wrapped(row) for row in _beginning(found)])
    ends = [_wrapped(row) for row in lines.end(found)]
    page.space(6)
    _items(page, found, until=MARGIN + 10 + LEADING * sum(len(words) for _, words in ends))
    page.space(10)
    _facts(page, ends)


def _beginning(found: ReceiptFacts) -> Sequence[lines.Row]:
    rows = lines.beginning(found)
    most = len(rows) - len(found.approvals) + APPROVALS
    if len(rows) <= most:
        return rows
    rest = len(rows) - most + 1
    return [*rows[: most - 1], lines.Row("", f"and {rest} more approvals, in the JSON")]


def _wrapped(row: lines.Row) -> tuple[str, Sequence[str]]:
    most = 1 if row.name == lines.APPROVED else LONGEST
    return row.name, wrapped(row.words, ROOM - NAMES, PLAIN, SIZE, most=most)


def _facts(page: _Page, rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    for name, words in rows:
        for number, each in enumerate(words):
            page.space(LEADING)
            if not number:
                page.write(name, MARGIN, grey=True)
            page.write(each, MARGIN + NAMES)


def _items(page: _Page, found: ReceiptFacts, *, until: float) -> None:
    """As many items as there is room for down to `until`, and the total."""
    names = lines.columns(found)[:-1]
    _row(page, [name.removeprefix(">") for name in names], grey=True)
    page.space(3)
    page.rule()
    rows = lines.items(found)
    room = int((page.y - until - LEADING) // (2 * LEADING))
    shown = rows if len(rows) <= room else rows[: room - 1]
    for row in shown:
        _row(page, row[:-1])
        page.space(LEADING - 2)
        known_by = fitted(row.known_by, ROOM - WIDTHS[0], PLAIN, SMALL)
        page.write(known_by, MARGIN + WIDTHS[0], size=SMALL, grey=True)
    if len(shown) < len(rows):
        page.space(LEADING)
        rest = len(rows) - len(shown)
        page.write(f"and {rest:,} more, in the JSON", MARGIN + WIDTHS[0], size=SMALL)
    page.space(3)
    page.rule()
    _row(page, lines.total(found)[:-1], font=BOLD)


def _row(page: _Page, row: Sequence[str], *, font: str = PLAIN, grey: bool = False) -> None:
    page.space(LEADING)
    x = MARGIN
    for name, wide, text in zip(lines.COLUMNS[:-1], WIDTHS, row, strict=True):
        right = name.startswith(">")
        cell = fitted(text, wide - 4, font, SMALL)
        at = x + wide if right else x
        page.write(cell, at, font=font, size=SMALL, to_right=right, grey=grey)
        x += wide


def wrapped(text: str, room: float, font: str, size: float, *, most: int) -> Sequence[str]:
    """The text in lines that are no wider, broken at spaces where there are any.

    Of more than `most` lines the last that is left ends with an ellipsis.
    """
    found: list[str] = []
    left = _clean(text)
    while len(found) < most - 1 and _fitting(left, room, font, size) < len(left):
        whole = _fitting(left, room, font, size)
        space = left.rfind(" ", 0, whole + 1)
        end = space if space > 0 else max(whole, 1)
        found.append(left[:end].rstrip())
        left = left[end:].lstrip()
    return [*found, fitted(left, room, font, size)]


def fitted(text: str, room: float, font: str, size: float) -> str:
    """The text on one line; what is too long ends with an ellipsis."""
    clean = _clean(text)
    if _fitting(clean, room, font, size) == len(clean):
        return clean
    end = _fitting(clean, room - width(ELLIPSIS, font, size), font, size)
    return clean[:end].rstrip() + ELLIPSIS


def width(text: str, font: str, size: float) -> float:
    """How wide it is set."""
    return size * sum(_wide(letter, font) for letter in text)


def _fitting(text: str, room: float, font: str, size: float) -> int:
    """How many letters fit."""
    used = 0.0
    for at, letter in enumerate(text):
        used += size * _wide(letter, font)
        if used > room:
            return at
    return len(text)


@cache
def _wide(letter: str, font: str) -> float:
    return float(pdfmetrics.stringWidth(letter, _font(letter) or font, 1))


def _clean(text: str) -> str:
    """On one line, without what cannot be shown."""
    normal = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(_shown(letter) for letter in normal if unicodedata.category(letter)[0] != "C")


@cache
def _shown(letter: str) -> str:
    if _is_latin(letter) or _abroad(letter):
        return letter
    plain = _without_marks(unicodedata.name(letter, ""))
    return plain if _is_latin(plain) else "?"


def _without_marks(name: str) -> str:
    """The letter that one bears marks on, by its name; not everything with marks has one."""
    bare, _, _ = name.partition(" WITH ")
    try:
        return unicodedata.lookup(bare) if name.startswith("LATIN ") else "?"
    except KeyError:
        return "?"


def _runs(text: str, font: str) -> Iterator[tuple[str, str]]:
    """The text in pieces, each with the font that has its letters."""
    for each, run in groupby(text, lambda letter: _font(letter) or font):
        yield each, "".join(run)


@cache
def _font(letter: str) -> str | None:
    """The font that a letter needs; None where that of the text will do."""
    return None if _is_latin(letter) else _abroad(letter)


def _is_latin(letter: str) -> bool:
    return _encodes(letter, "cp1252")


@cache
def _abroad(letter: str) -> str | None:
    if unicodedata.name(letter, "").startswith("LATIN "):
        return None  # readers set those of other fonts badly
    name = next((name for codec, name in ABROAD if _encodes(letter, codec)), None)
    if name is not None:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name


def _encodes(letter: str, codec: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
