"""Tables for people, JSON for programs; a progress bar only on a terminal."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice

from rich.cells import cell_len

PAGE = 1000
"""Rows of a long table that are set together."""


def say(text: str) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Machine-readable output, and nothing else on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_json_array(objects: Iterable[object]) -> None:
    """What `print_json` prints of a list, each object when it comes: any number of them."""
    before, after = "[", "]\n"
    for each in objects:
        text = json.dumps(each, ensure_ascii=False, indent=2)
        sys.stdout.write(f"{before}\n  {text.replace(chr(10), chr(10) + '  ')}")
        before, after = ",", "\n]\n"
    sys.stdout.write(after if before == "," else before + after)


def print_long_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table of any number of rows, printed a page at a time.

    In a pipe the first page decides the widths; on a terminal each page bears the columns' names.
    """
    left = iter(rows)
    page = list(islice(left, PAGE))
    if sys.stdout.isatty():
        while page:
            print_table(columns, page)
            page = list(islice(left, PAGE))
        return
    names = tuple(name.removeprefix(">") for name in columns)
    widths = _widths([names, *(tuple(map(_one_line, row)) for row in page)])
    for row in chain([names], page, left):
        _print_line(columns, tuple(map(_one_line, row)), widths)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table; a column whose name begins with `>` is set to the right.

    On a terminal long cells wrap; in a pipe every row stays one line.
    """
    if not sys.stdout.isatty():
        _print_lines(columns, rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=any(columns), box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def _print_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    names = tuple(name.removeprefix(">") for name in columns)
    lines = [names, *(tuple(map(_one_line, row)) for row in rows)]
    widths = _widths(lines)
    for line in lines[0 if any(columns) else 1 :]:
        _print_line(columns, line, widths)


def _widths(lines: Sequence[Sequence[str]]) -> Sequence[int]:
    return [max(map(cell_len, column)) for column in zip(*lines, strict=True)]


def _print_line(columns: Sequence[str], line: Sequence[str], widths: Sequence[int]) -> None:
    cells = (
        " " * (width - cell_len(cell)) + cell
        if name.startswith(">")
        else cell + " " * (width - cell_len(cell))
        for name, cell, width in zip(columns, line, widths, strict=True)
    )
    sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _one_line(cell: str) -> str:
    return " ".join(cell.split()) if "\n" in cell or "\t" in cell else cell


@contextmanager
def working(what: str) -> Iterator[None]:
    """A progress line on a terminal while something takes its time; silent in a pipe."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    from rich.progress import (
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(what, total=None)
        yield
