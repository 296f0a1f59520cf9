"""Reads a JSON array item by item, so that a large file is never in memory as a whole."""

import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from bot.services.fields import BadValue
from bot.services.phrases import quoted

WINDOW = 1 << 16
LARGEST = 1 << 22
"""Characters of one item at most; what is longer is not a subscription."""
_BLANK = " \t\n\r"
_IN_NUMBERS = "0123456789.eE+-"
"""What follows a number at the end of the window may belong to it."""


class NotJson(ValueError):
    """The text is not JSON; `line` and `column` say where, when that is known."""

    def __init__(self, text: str = "", *, line: int = 0, column: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.column = column


class NotAnArray(ValueError):
    """It is JSON, but not an array."""


def items(file: TextIO) -> Iterator[object]:
    """The items of the array that a file is; raises NotJson, NotAnArray."""
    window = _Window(file)
    window.skip_blanks()
    if window.sign != "[":
        window.value()
        window.end()
        raise NotAnArray
    window.step()
    window.skip_blanks()
    if window.sign == "]":
        window.step()
        window.end()
        return
    while True:
        yield window.value()
        window.skip_blanks()
        if window.sign == "]":
            break
        if window.sign != ",":
            raise window.error("Expecting ',' delimiter", 0)
        window.step()
        window.skip_blanks()
    window.step()
    window.end()


class _Window:
    """The part of the text that is looked at, and where it begins."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._line = 1
        self._column = 1
        self._decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)

    @property
    def sign(self) -> str:
        """The next character, empty at the end."""
        if self._at >= len(self._text):
            self._more(WINDOW)
        return self._text[self._at : self._at + 1]

    def step(self) -> None:
        """Pass one character."""
        self._at += 1

    def skip_blanks(self) -> None:
        """Pass white space."""
        while self.sign and self.sign in _BLANK:
            self.step()

    def end(self) -> None:
        """Demand that nothing follows."""
        self.skip_blanks()
        if self.sign:
            raise self.error("Extra data", 0)

    def value(self) -> object:
        """The value that begins here."""
        size = WINDOW
        while True:
            ended = self._more(size)
            try:
                value, after = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if ended or len(self._text) - self._at > LARGEST:
                    raise self.error(error.msg, error.pos - self._at) from None
            except RecursionError:
                raise NotJson from None
            except BadValue as error:
                raise NotJson(str(error)) from None
            else:
                following = self._text[after : after + 1]
                if ended or (following and following not in _IN_NUMBERS):
                    self._at = after
                    return value
            size = 2 * max(size, len(self._text) - self._at)

    def error(self, text: str, ahead: int) -> NotJson:
        """What is wrong so many characters from here."""
        self._forget()
        before = self._text[:ahead]
        lines = before.count("\n")
        column = len(before) - before.rfind("\n") if lines else self._column + len(before)
        return NotJson(text, line=self._line + lines, column=column)

    def _more(self, size: int) -> bool:
        """Have so many characters ahead, if there are; True when there is nothing behind them."""
        lacking = size - (len(self._text) - self._at)
        if lacking <= 0:
            return False
        self._forget()
        read = self._file.read(lacking)
        self._text += read
        return len(read) < lacking

    def _forget(self) -> None:
        passed = self._text[: self._at]
        lines = passed.count("\n")
        self._line += lines
        self._column = len(passed) - passed.rfind("\n") if lines else self._column + len(passed)
        self._text, self._at = self._text[self._at :], 0


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise BadValue(f"The key {quoted(name)} stands twice in one object.")
        found[name] = value
    return found


def _no_constant(word: str) -> object:
    raise BadValue(f"{quoted(word)} is not JSON.")
