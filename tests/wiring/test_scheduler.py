"""Ticks: each runs, a surprise does not stop the others, none overlaps itself."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import bot.scheduler
from bot.scheduler import Scheduler, Tick


def test_a_tick_that_fails_is_logged_and_the_next_one_still_runs(caplog):
    ran = []

    def fails():
        raise RuntimeError("broken")

    scheduler = Scheduler(
        [
            Tick(name="fails", every=timedelta(seconds=1), run=fails),
            Tick(name="works", every=timedelta(seconds=1), run=lambda: ran.append("works")),
        ]
    )

    scheduler.run_all()

    assert ran == ["works"]
    assert [record.message for record in caplog.records] == ["tick.failed"]


def test_a_tick_never_overlaps_itself():
    inside, overlaps, entered = [], [], threading.Barrier(2, timeout=5)

    def run():
        overlaps.append(len(inside))
        inside.append(1)
        inside.pop()

    scheduler = Scheduler([Tick(name="one", every=timedelta(seconds=1), run=run)])

    def caller():
        entered.wait()
        for _ in range(200):
            scheduler.run("one")

    threads = [threading.Thread(target=caller) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert overlaps == [0] * 400


def test_the_scheduler_ticks_by_itself_and_is_not_late_then():
    ticked = threading.Event()
    scheduler = Scheduler([Tick(name="one", every=timedelta(milliseconds=20), run=ticked.set)])
    scheduler.start()
    try:
        assert ticked.wait(timeout=5)
        assert scheduler.late() == {}
    finally:
        scheduler.stop()


def test_a_tick_that_only_fails_is_late(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(bot.scheduler, "time", SimpleNamespace(monotonic=lambda: now))

    def fails():
        raise RuntimeError("broken")

    hour = timedelta(hours=1)  # the scheduler itself does not come to it here
    scheduler = Scheduler(
        [Tick(name="fails", every=hour, run=fails), Tick(name="works", every=hour, run=int)]
    )
    scheduler.start()
    try:
        now += 4 * hour.total_seconds()
        scheduler.run_all()
        assert scheduler.late() == {"fails": 4 * hour.total_seconds()}
    finally:
        scheduler.stop()


def test_a_tick_that_did_something_wakes_those_that_go_on_from_there():
    woken, did = threading.Event(), iter([True, False])
    long = timedelta(hours=1)
    scheduler = Scheduler(
        [
            Tick(
                name="bundle",
                every=timedelta(milliseconds=20),
                run=lambda: next(did, False),
                wakes=("send",),
            ),
            Tick(name="send", every=long, run=woken.set),
        ]
    )
    scheduler.start()
    try:
        assert woken.wait(timeout=5)
    finally:
        scheduler.stop()


def test_a_tick_that_did_nothing_wakes_nobody():
    ran, ticked = [], threading.Barrier(2, timeout=5)
    long = timedelta(hours=1)

    def idle():
        if not ticked.broken:
            ticked.wait()
        return 0

    scheduler = Scheduler(
        [
            Tick(name="bundle", every=timedelta(milliseconds=20), run=idle, wakes=("send",)),
            Tick(name="send", every=long, run=lambda: ran.append("send")),
        ]
    )
    scheduler.start()
    try:
        for _ in range(3):
            ticked.wait()
    finally:
        ticked.abort()
        scheduler.stop()

    assert ran == []
