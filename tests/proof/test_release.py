"""In which order a release's proof works on its pieces."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.proof import release
from tests.proof.pieces import Found, Piece, Slice
from tests.proof.release import Progress, Shown


def nothing(piece: Piece) -> Found:
    return Found(len(piece.numbers), {})


@pytest.fixture
def progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Progress:
    few = Slice("few", lambda: 3, 1, nothing)
    many = Slice("many", lambda: 50, 10, nothing, needs=20)
    monkeypatch.setattr(release, "SLICES", {each.name: each for each in (few, many)})
    return Progress(tmp_path / "code.jsonl")


def opened(progress: Progress) -> list[tuple[str, int]]:
    return [(each.slice, each.first) for each in progress.open_pieces(["few", "many"])]


def test_what_a_release_needs_of_every_slice_comes_before_the_rest_of_any(progress):
    needed = [("few", 0), ("many", 0), ("few", 1), ("many", 10), ("few", 2)]

    assert opened(progress) == [*needed, ("many", 20), ("many", 30), ("many", 40)]


def test_what_was_done_is_not_done_again_by_a_later_run(progress, tmp_path):
    done = Shown(slice="many", first=0, last=10, trials=10, seconds=1.0, at="2026-11-28")
    progress.add(done)

    later = Progress(tmp_path / "code.jsonl")

    assert ("many", 0) not in opened(later)
    assert later.shown == [done]
    assert json.loads((tmp_path / "code.jsonl").read_text("utf-8")) == asdict(done)
