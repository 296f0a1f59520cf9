"""Rule numbers, docstrings, sources and tests stay together."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BILLING = ROOT / "bot" / "billing"
INDEX = (ROOT / "docs" / "billing-rules.md").read_text("utf-8")

NUMBERS = {*(f"R{n}" for n in range(1, 52)), *(f"X{n}" for n in range(1, 15))}
DECIDED = dict(re.findall(r"^\| ([RX]\d+) \| [^|]+ \| `([\w.]+)` \|$", INDEX, re.MULTILINE))
UNDECIDED = set(re.findall(r"^\| ([RX]\d+) \| [^|`]+ \|$", INDEX, re.MULTILINE))

_NUMBER = re.compile(r"\b([RX])(\d+)(?: to [RX](\d+))?\b")
_NAMED = re.compile(r"(?:^|_)([rx]\d+)(?=_|$)")


def numbers_in(text: str) -> set[str]:
    """`R41 to R43` are three."""
    return {
        f"{letter}{number}"
        for letter, first, last in _NUMBER.findall(text)
        for number in range(int(first), int(last or first) + 1)
    }


def docstrings() -> Iterator[tuple[str, str]]:
    """Every docstring of the rules by its dotted name, those of constants under their module."""
    for path in sorted(BILLING.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        yield path.stem, _texts_of(tree)
        yield from _inside(tree, path.stem)


def _inside(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield f"{name}.{node.name}", ast.get_docstring(node) or ""
            yield from _inside(node, f"{name}.{node.name}")


def _texts_of(module: ast.Module) -> str:
    lone = (node.value for node in module.body if isinstance(node, ast.Expr))
    return " ".join(str(each.value) for each in lone if isinstance(each, ast.Constant))


def numbers_of_tests() -> set[str]:
    """The numbers that names of tests bear."""
    names = (
        node.name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )
    return {number.upper() for name in names for number in _NAMED.findall(name)}


DOCSTRINGS = dict(docstrings())
CLAIMED = set().union(*map(numbers_in, DOCSTRINGS.values()))
TESTED = numbers_of_tests()


def test_every_rule_is_decided_somewhere_or_said_to_decide_nothing():
    assert DECIDED.keys() | UNDECIDED == NUMBERS
    assert not DECIDED.keys() & UNDECIDED


@pytest.mark.parametrize("number", sorted(DECIDED))
def test_where_a_rule_is_decided_its_docstring_names_it(number):
    assert number in numbers_in(DOCSTRINGS[DECIDED[number]])


@pytest.mark.parametrize("number", sorted(number for number in DECIDED if number[0] == "R"))
def test_where_a_rule_is_decided_its_source_is_named(number):
    assert "Source" in DOCSTRINGS[DECIDED[number]]


def test_no_docstring_claims_a_number_that_does_not_exist():
    assert CLAIMED <= NUMBERS


@pytest.mark.parametrize("number", sorted(CLAIMED))
def test_a_rule_that_a_docstring_claims_has_a_test_that_names_it(number):
    assert number in TESTED
