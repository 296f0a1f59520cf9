"""The page of a receipt: one, the same bytes each time, and every letter is shown."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis.strategies import text

from bot.facts.hiding import without_figures
from bot.facts.receipt import Form, receipt_of
from bot.papers.receipt_file import receipt_file
from bot.papers.receipt_pdf import PLAIN, fitted, receipt_pdf, width, wrapped
from tests.unit.handlers import samples
from tests.unit.papers.samples import CHINESE, longest, receipt

ROOT = Path(__file__).parents[3]
ESCAPED = re.compile(rb"\\(?:([0-7]{3})|(.))", re.DOTALL)
SHOWN = re.compile(rb"\(((?:[^()\\]|\\.)*)\) Tj")


def shown(page: bytes) -> str:
    """The Latin words of a page, which is not compressed."""
    found = (ESCAPED.sub(_unescaped, each) for each in SHOWN.findall(page))
    return "\n".join(each.decode("cp1252", "replace") for each in found)


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, plain = found.groups()
    return bytes([int(octal, 8)]) if octal else plain


def pages(page: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", page))


def lowest(page: bytes) -> float:
    """How far down something is written."""
    return min(float(each) for each in re.findall(rb"1 0 0 1 [\d.-]+ ([\d.-]+) Tm", page))


def test_the_page_has_what_was_asked_done_and_proved():
    words = shown(receipt_pdf(receipt()))

    for each in (
        "Receipt of request 1042",
        "Done: 3 of 3 items gone. USD 2,057.93 back, USD 0.24 less than estimated.",
        "Features are not enough: The staging servers moved to another account in October.",
        "Mon 23 Nov 2026, 10:53 GMT+08:00 by U0APPROVER1",
        "SecMaster Professional, 50 ECS",
        "USD 324.87",
        "st-screen, order CS26112311reen, the cloud's request f7a2",
        "1,204 entries, head " + "3f9a" * 16,
        "huaweicloud-intl/2025-07-25",
    ):
        assert each in words


def test_the_same_receipt_gives_the_same_bytes_in_another_process():
    program = (
        "import sys; from tests.unit.papers.samples import receipt;"
        "from bot.papers.receipt_pdf import receipt_pdf;"
        "sys.stdout.buffer.write(receipt_pdf(receipt()))"
    )

    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)

    assert ran.stdout == receipt_pdf(receipt())


@pytest.mark.parametrize("items", [1, 3, 12, 13, 14, 40, 300])
def test_the_longest_receipt_is_one_page_and_ends_above_its_margin(items: int):
    request = longest()
    page = receipt_pdf(receipt(replace(request, items=request.items[:items])))

    assert pages(page) == 1
    assert lowest(page) >= 48


def test_what_does_not_fit_is_counted_and_said_to_be_in_the_json():
    words = shown(receipt_pdf(receipt(longest())))

    known = len(re.findall(r"^\d+$", words, re.MULTILINE))
    assert known > 10
    assert f"and {300 - known} more, in the JSON" in words
    assert "and 16 more approvals, in the JSON" in words
    assert "…" in words


def test_few_items_are_all_there():
    request = longest()
    short = replace(samples.done(), items=request.items[:12])
    words = shown(receipt_pdf(receipt(short)))

    assert len(re.findall(r"^\d+$", words, re.MULTILINE)) == 12
    assert " more, in" not in words


def test_chinese_japanese_and_korean_are_set_in_fonts_that_need_no_file():
    words = f"{CHINESE} ひらがな 안녕하세요"
    page = receipt_pdf(receipt(replace(samples.done(), details=words)))

    assert b"STSong-Light" in page
    assert b"HYSMyeongJo-Medium" in page
    assert b"FontFile" not in page


def test_letters_that_no_font_has_are_plain_or_a_question_mark():
    assert fitted("Żółw čau 😀 a\nb\x00c", 500, PLAIN, 9) == "Zólw cau ? a bc"


def test_lines_are_as_wide_as_there_is_room_and_the_last_says_that_more_follows():
    for words in ("word " * 200, CHINESE * 30, "x" * 900):
        lines = wrapped(words, 200, PLAIN, 9, most=3)
        assert len(lines) == 3
        assert all(width(line, PLAIN, 9) <= 200 for line in lines)
        assert lines[-1].endswith("…")


def test_a_text_that_fits_is_not_touched():
    assert wrapped("as it is", 200, PLAIN, 9, most=3) == ["as it is"]
    assert wrapped("", 200, PLAIN, 9, most=3) == [""]


@given(text())
@example("ʨ")  # the digraph that it bears a curl on is no letter by itself
def test_whatever_people_write_there_is_a_page(words: str):
    item = replace(samples.done().items[0], label=words, refund_order=words)
    request = replace(samples.done(), details=words, items=(item,))

    assert pages(receipt_pdf(receipt(request))) == 1


def test_hidden_amounts_do_not_stand_on_the_page():
    page = receipt_pdf(receipt_of(without_figures(samples.done()), head=None))

    assert "amount hidden" in shown(page)
    assert not re.search(r"USD|\d\.\d\d", shown(page))


def test_the_page_says_when_the_second_look_is_and_a_newer_one_what_it_found():
    first, still, back = (
        shown(receipt_pdf(receipt(each)))
        for each in (samples.done(), samples.looked_again(), samples.came_back())
    )

    at = "Tue 24 Nov 2026, 11:06 GMT+08:00"
    assert f"due {at}; a newer receipt then says what it found" in first
    assert "3 of 3 gone, auto-renewal off, 3 refund orders" in first
    assert f"{at}: still gone, auto-renewal off, 3 refund orders" in still
    assert "newer receipt" not in still
    assert "Done: 3 of 3 items gone. USD 2,057.93 back" in still
    assert "Mon 23 Nov 2026, 11:06 GMT+08:00: all gone, 2 refund orders of 3 found" in still
    assert f"{at}: Large screen is at the cloud again." in back
    assert "Done: 3 of 3 items were gone. Second look: Large screen is at the cloud again." in back
    assert back.count("gone, and back") == 1
    assert "Problem" not in back


def test_a_dry_run_says_so():
    words = shown(receipt_pdf(receipt(replace(samples.done(), dry_run=True))))

    assert "Dry run: nothing was changed at the cloud." in words
    assert "would be gone" in words


def test_what_makes_pages_is_loaded_when_one_is_made():
    program = (
        "import sys, bot.app, bot.cli.commands, bot.papers.receipt_file, bot.papers.receipt_lines;"
        "print('reportlab' in sys.modules, 'PIL' in sys.modules)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == ["False", "False"]


def test_a_file_is_what_its_form_says():
    assert receipt_file(receipt(), Form.PDF).startswith(b"%PDF-")
    assert receipt_file(receipt(), Form.JSON).startswith(b"{")
