"""What an import of many promises: all of it at one stroke or nothing, whatever happens beside."""

import io
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from time import sleep

import pytest
from sqlalchemy import select

from bot.billing.bookkeeping import next_event
from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, Status
from bot.ports.provider import Call
from bot.ports.store import ListQuery
from bot.providers.ledger import LedgerProvider
from bot.services import taking_over
from bot.services.armed import Watch, last_watch, note_watch
from bot.services.errors import BadFile, ImportRunning
from bot.services.exporting import to_csv
from bot.services.importing import Importing
from storage import tables
from storage.catalogue import SqlCatalogue
from storage.grouping import earliest_of
from tests.conftest import ACCOUNTS, AUDIT_KEY, TEAM
from tests.factories import NOW, account, key, order, package, quota, renewal, resource

DEFAULT, PROD = AccountName("default"), AccountName("prod")
CLOUD = dict(ACCOUNTS) | {PROD: account("prod", provider="huaweicloud")}
REGIONS = ("ap-southeast-1", "eu-west-101")


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(autouse=True)
def _many(monkeypatch):
    """Four subscriptions are many here, and a slice has three."""
    monkeypatch.setattr(taking_over, "FEW", 3)
    monkeypatch.setattr(taking_over, "SLICE", 3)
    monkeypatch.setattr(taking_over, "MOVED", 3)
    monkeypatch.setattr("storage.takeover.PATIENCE", 0.0)
    monkeypatch.setattr("storage.takeover.SWEPT", 5)


@pytest.fixture
def store(any_database):
    return any_database.store(team_id=TEAM, accounts=CLOUD, audit_key=AUDIT_KEY)


@pytest.fixture
def ledger(store, clock):
    return LedgerProvider(account=CLOUD[DEFAULT], store=store, clock=clock)


def importing_into(store, clock):
    ledger = LedgerProvider(account=CLOUD[DEFAULT], store=store, clock=clock)
    return Importing(store=store, clock=clock, providers={DEFAULT: ledger})


def old():
    """A catalogue of both kinds of accounts, with groups."""
    return tuple(
        each
        for name in ("default", "prod")
        for each in (
            *(quota(f"q-{region}", region=region, account=name) for region in REGIONS),
            *(package(f"p-{region}", region=region, account=name) for region in REGIONS),
            *(resource(f"vm-{number}", account=name) for number in range(4)),
        )
    )


def new():
    """The same with something of everything: changed, moved, left out, added, with other dates."""
    later = order("2026-03-01 10:00")
    return tuple(
        {
            "q-eu-west-101": replace(each, orders=(later,)),
            "p-ap-southeast-1": replace(each, region="eu-west-101"),
            "vm-0": replace(each, name="renamed", orders=(each.orders[0], renewal(each.orders[0]))),
            "vm-1": replace(each, owner=None, tags={"a": "b"}),
        }.get(each.key.id, each)
        for each in old()
        if each.key.id != "vm-2"
    ) + tuple(resource(f"new-{number}", account="prod") for number in range(4))


def take(store, clock, *subscriptions, **how):
    file = io.BytesIO("".join(to_csv(subscriptions)).encode())
    return importing_into(store, clock).run(file, "book.csv", by="cli", **how)


def counts(result):
    return tuple(map(len, (result.added, result.changed, result.unchanged, result.gone)))


def seen(store):
    """All that anybody can see of the catalogue, the book and the record."""
    with store.reading() as tx:
        every = list(tx.catalogue.all())
        return {
            "all": every,
            "pages": list(tx.catalogue.listed()),
            "first": tx.catalogue.page(ListQuery()),
            "book": list(tx.book.of(DEFAULT)),
            "next": tx.book.next_event(),
            "groups": [tx.catalogue.group(name, region) for name in CLOUD for region in REGIONS],
            "services": tx.catalogue.values("service"),
            "since": [tx.catalogue.known_since(each.key) for each in every],
            "gone": [each.key for each in (*old(), *new()) if tx.catalogue.is_gone(each.key)],
            "audit": len(list(tx.audit.entries())),
        }


def stored(store):
    """Every row of the versioned tables and what is noted of generations."""
    with store.reading() as tx:
        return {
            table.name: sorted(map(str, tx.work.connection.execute(select(table)).all()))
            for table in (tables.subscriptions, tables.orders, tables.book_subscriptions)
        }


def is_tidy(store):
    """Whether nothing is left of the ways that led here."""
    with store.reading() as tx:
        connection, visible = tx.work.connection, tx.work.generation.visible

        def mine(table, *conditions):
            query = select(table).where(table.c.team_id == tx.work.team_id, *conditions)
            return connection.execute(query).all()

        unseen = [
            row
            for table in (tables.subscriptions, tables.book_subscriptions)
            for condition in (table.c.replaced_in.is_not(None), table.c.generation > visible)
            for row in mine(table, condition)
        ]
        [held] = mine(tables.generations)
        return (unseen, mine(tables.touched), held.pending) == ([], [], None)


def is_settled(store):
    """Whether every group stands where its earliest anchor is."""
    row = tables.subscriptions.c
    with store.reading() as tx:
        members = tx.work.connection.execute(
            select(row.account, row.group_key, row.group_anchor_at).where(
                tx.work.shown(tables.subscriptions), row.group_rank < 5
            )
        ).all()
        groups = {(each.account, each.group_key) for each in members}
        earliest = earliest_of(tx.work, groups)
    return all(each[2] == earliest[each[0], each[1]] for each in members)


def dying_after(steps, store, monkeypatch):
    """Let the process die as its so many-th transaction ends, and do nothing more."""
    left = [steps]
    transaction = store.transaction

    @contextmanager
    def counted():
        if left[0] < 0:
            raise Killed
        left[0] -= 1
        with transaction() as tx:
            yield tx
            if left[0] < 0:
                raise Killed

    monkeypatch.setattr(store, "transaction", counted)


def test_many_are_taken_over_as_few_would_be(any_database, store, clock, monkeypatch):
    assert counts(take(store, clock, *old())) == (16, 0, 0, 0)
    clock.advance(timedelta(minutes=1))
    assert counts(take(store, clock, *new())) == (4, 8, 6, 0)
    many = seen(store)
    assert is_tidy(store)
    assert is_settled(store)

    other = any_database.store(team_id="T0OTHER", accounts=CLOUD, audit_key=AUDIT_KEY)
    monkeypatch.setattr(taking_over, "FEW", 1000)
    clock_before = clock.now() - timedelta(minutes=1)
    clock.set(clock_before)
    take(other, clock, *old())
    clock.advance(timedelta(minutes=1))
    take(other, clock, *new())
    assert seen(other) == many


def test_the_whole_of_an_account_leaves_out_what_is_not_in_the_file(store, clock):
    take(store, clock, *old())
    theirs = [each for each in new() if each.key.account == PROD]

    result = take(store, clock, *theirs, account="prod")

    assert counts(result) == (4, 4, 3, 1)
    assert list(result.gone) == [key("vm-2", "prod")]
    with store.reading() as tx:
        assert tx.catalogue.is_gone(key("vm-2", "prod"))
        assert tx.catalogue.get(key("vm-2", "prod")) == resource("vm-2", account="prod")
        assert not tx.catalogue.is_gone(key("vm-2"))
    assert is_tidy(store)
    assert is_settled(store)


def test_the_whole_of_a_ledger_account_leaves_its_book_too(store, clock, ledger):
    take(store, clock, *old())
    ours = [each for each in old() if each.key.account == DEFAULT][:2]

    assert counts(take(store, clock, *ours, account="default")) == (0, 0, 2, 6)

    assert [each.key.id for each in ledger.subscriptions()] == sorted(e.key.id for e in ours)
    assert counts(take(store, clock, *old())) == (6, 0, 10, 0)
    assert len(list(ledger.subscriptions())) == 8


def test_the_same_file_twice_writes_nothing(any_database, store, clock):
    take(store, clock, *old())
    before = written(any_database)

    assert counts(take(store, clock, *reversed(old()))) == (0, 0, 16, 0)
    assert written(any_database) == before


def written(database):
    """What changes with every row that is written."""
    with database.reader.connect() as connection:
        if connection.dialect.name == "sqlite":
            return connection.exec_driver_sql("PRAGMA data_version").scalar(), [
                connection.execute(select(table)).all() for table in tables.metadata.sorted_tables
            ]
        return [
            connection.exec_driver_sql(f'SELECT xmin, ctid FROM "{table}"').all()
            for table in tables.metadata.tables
        ]


def team(database, name):
    return database.store(team_id=name, accounts=CLOUD, audit_key=AUDIT_KEY)


def test_a_death_at_any_step_shows_all_or_nothing_and_the_next_import_goes_on(
    any_database, clock, monkeypatch
):
    outcomes = []
    alive = False
    while not alive:
        store = team(any_database, f"T{len(outcomes)}")
        take(store, clock, *old())
        before = seen(store)
        with monkeypatch.context() as patch:
            alive = survives(len(outcomes), store, clock, patch)
        outcomes.append(seen(store) == before)
        clock.advance(timedelta(minutes=2))  # the lease of the dead one ends
        take(store, clock, *new())
        assert sorted(new(), key=lambda each: each.key) == [
            each for each in seen(store)["all"] if each.key.id != "vm-2"
        ]
        store.tidy(clock)
        assert is_tidy(store)
        assert is_settled(store)
    shown = outcomes.index(False)
    assert shown > 5
    assert not any(outcomes[shown:])


def survives(steps, store, clock, monkeypatch):
    dying_after(steps, store, monkeypatch)
    try:
        take(store, clock, *new())
    except Killed:
        return False
    return True


def beside(store, monkeypatch, act, *, at=None):
    """Do something after every transaction of an import, or after its so many-th."""
    ended = [0]
    transaction = store.transaction

    @contextmanager
    def watched():
        with transaction() as tx:
            yield tx
        ended[0] += 1
        if at is None or ended[0] == at:
            act()

    monkeypatch.setattr(store, "transaction", watched)
    return ended


def test_nobody_sees_anything_of_it_before_all_of_it(any_database, clock, monkeypatch):
    store, reader = team(any_database, "T1"), team(any_database, "T1")
    take(store, clock, *old())
    before, views = seen(reader), []
    beside(store, monkeypatch, lambda: views.append(seen(reader)))

    take(store, clock, *new())

    after = seen(reader)
    flipped = views.index(after)
    assert flipped > 5
    assert all(view == before for view in views[:flipped])
    assert all(view == after for view in views[flipped:])


def changes_of_others(store, clock):
    """What others do meanwhile: to the book and to the catalogue, in the file or not."""
    ledger = LedgerProvider(account=CLOUD[DEFAULT], store=store, clock=clock)
    ledger.set_auto_renew("q-eu-west-101", on=False)
    ledger.unsubscribe(
        Call(
            ids=("vm-1",),
            scope=Scope.ALL,
            reason=5,
            details="",
            started_at=clock.now(),
        )
    )
    with store.transaction() as tx:
        tx.catalogue.mark_gone([key("vm-3", "prod")], at=clock.now())
        tx.catalogue.put(
            [
                resource("late", account="prod"),
                quota(
                    "q-late", region="eu-west-101", account="prod", orders=(order("2025-12-01"),)
                ),
                resource("new-1", account="prod", note="was there first"),
                replace(resource("vm-0", account="prod"), status=Status.FROZEN),
            ],
            at=clock.now(),
        )
        late = package("p-late", region="eu-west-101")
        tx.book.put(late, next_event_at=next_event(late, CLOUD[DEFAULT], after=clock.now()))


def test_what_others_change_meanwhile_is_as_if_they_had_come_first_or_last(
    any_database, clock, monkeypatch
):
    def story(name, at):
        """An import with others at work after a step of it; how many steps it had."""
        store = team(any_database, name)
        others = team(any_database, name)
        take(store, clock, *old())
        if at == 0:
            changes_of_others(others, clock)
        with monkeypatch.context() as patch:
            steps = beside(store, patch, lambda: changes_of_others(others, clock), at=at)
            take(store, clock, *new())
        return store, steps[0]

    first, _ = story("TFIRST", 0)
    last, steps = story("TLAST", -1)
    changes_of_others(last, clock)
    orders = [compared(first), compared(last)]
    found = []
    for at in range(1, steps + 1):
        store, _ = story(f"T{at}", at)
        found.append(orders.index(compared(store)))
        assert is_tidy(store)
        assert is_settled(store)
    assert found == sorted(found)
    assert set(found) == {0, 1}


def compared(store):
    """What is seen, without the record, whose counts depend on who came first."""
    return {name: value for name, value in seen(store).items() if name != "audit"}


def test_a_second_import_of_many_is_told_that_one_is_running(any_database, clock, monkeypatch):
    store, other = team(any_database, "T1"), team(any_database, "T1")
    told = []

    def second():
        with pytest.raises(ImportRunning) as refused:
            take(other, clock, *new())
        told.append(str(refused.value))

    beside(store, monkeypatch, second, at=2)
    take(store, clock, *old())

    assert told == ["Another import is running. Import again when it has ended."]
    assert seen(store)["all"] == sorted(old(), key=lambda each: each.key)


def test_whoever_lost_its_lease_writes_no_more(any_database, clock, monkeypatch):
    store, other = team(any_database, "T1"), team(any_database, "T1")
    take(store, clock, *old())

    def overtake():
        clock.advance(timedelta(minutes=5))
        take(other, clock, *new())

    beside(store, monkeypatch, overtake, at=6)
    with pytest.raises(ImportRunning):
        take(store, clock, *(replace(each, name="late") for each in old()))

    assert not any(each.name == "late" for each in seen(store)["all"])
    assert is_tidy(store)


def test_what_a_dead_import_left_is_tidied_up_once_its_lease_has_ended(
    any_database, clock, monkeypatch
):
    store = team(any_database, "T1")
    take(store, clock, *old())
    before, rows = seen(store), stored(store)
    assert store.tidy(clock) == 0
    for steps in (6, 14):
        with monkeypatch.context() as patch:
            assert not survives(steps, store, clock, patch)
        assert not is_tidy(store)
        assert store.tidy(clock) == 0
        clock.advance(timedelta(minutes=2))
        assert store.tidy(clock) == 1
        assert is_tidy(store)
        if seen(store) == before:
            assert stored(store) == rows


def test_bad_rows_leave_everything_as_it_was_and_are_all_named(any_database, clock):
    store = team(any_database, "T1")
    take(store, clock, *old())
    before, rows = seen(store), stored(store)
    lines = "".join(to_csv(resource(f"vm-{number}", account="prod") for number in range(300)))
    broken = [
        line.replace("in-use", "in use") if number in {50, 150, 250} else line
        for number, line in enumerate(lines.splitlines(keepends=True), start=1)
    ]
    with pytest.raises(BadFile) as refused:
        importing_into(store, clock).run(io.BytesIO("".join(broken).encode()), "book.csv", by="cli")

    assert [problem[:2] for problem in refused.value.problems] == [
        (line, "status") for line in (50, 150, 250)
    ]
    assert (seen(store), stored(store)) == (before, rows)


def planned(store):
    """As after a run that has derived everything, by settings that have a name."""
    with store.transaction() as tx:
        tx.catalogue.planned(tx.catalogue.unplanned(limit=99))
        note_watch(tx, Watch(at=NOW, until=NOW, seen=NOW, wishes="as they are"))


def to_derive(store):
    """What the next run derives again, and whether that is everything ahead."""
    with store.reading() as tx:
        return set(tx.catalogue.unplanned(limit=99)), last_watch(tx).wishes == ""


def test_the_next_run_derives_again_what_was_taken_over(store, clock):
    take(store, clock, *old())
    planned(store)
    theirs = [each for each in new() if each.key.account == PROD]

    take(store, clock, *theirs, account="prod")

    changed = ("p-ap-southeast-1", "q-eu-west-101", "vm-0", "vm-1", "vm-2")
    added = (f"new-{number}" for number in range(4))
    assert to_derive(store) == ({key(ref, "prod") for ref in (*changed, *added)}, False)


def test_the_next_run_derives_again_what_others_changed_and_the_import_again(
    any_database, clock, monkeypatch
):
    store, other = team(any_database, "T1"), team(any_database, "T1")
    take(store, clock, *old())
    planned(store)

    def rename_and_plan():
        with other.transaction() as tx:
            tx.catalogue.put([resource("vm-3", account="prod", name="theirs")], at=NOW)
            tx.catalogue.planned([key("vm-3", "prod")])

    beside(store, monkeypatch, rename_and_plan, at=6)
    take(store, clock, *new())

    assert key("vm-3", "prod") in to_derive(store)[0]


def test_the_next_run_looks_at_everything_ahead_when_too_much_changed_to_note_it(
    store, clock, monkeypatch
):
    monkeypatch.setattr(taking_over, "NOTED", 3)
    take(store, clock, *old())
    planned(store)

    take(store, clock, *new())

    assert to_derive(store) == (set(), True)


def test_an_import_waits_a_moment_for_another_that_is_about_to_end(
    any_database, clock, monkeypatch
):
    monkeypatch.setattr("storage.takeover.PATIENCE", 60.0)
    store, other = team(any_database, "T1"), team(any_database, "T1")
    waits, results = Event(), []

    def polled(seconds):
        waits.set()
        sleep(seconds)

    monkeypatch.setattr("storage.takeover.sleep", polled)
    second = Thread(target=lambda: results.append(counts(take(other, clock, *old()))))
    with store.takeover(clock):
        waits.clear()
        second.start()
        assert waits.wait(timeout=60)
    second.join(timeout=60)

    assert results == [(16, 0, 0, 0)]


@pytest.mark.parametrize(("most", "reads_all"), [(16, False), (15, True)])
def test_a_file_of_some_is_compared_with_what_it_names_alone(
    store, clock, monkeypatch, most, reads_all
):
    monkeypatch.setattr(taking_over, "LOOKED_UP", most)
    take(store, clock, *old(), resource("another"))
    asked, known = [], SqlCatalogue.known

    def watched(self, keys=None, **named):
        asked.append(keys is None)
        return known(self, keys, **named)

    monkeypatch.setattr(SqlCatalogue, "known", watched)
    take(store, clock, *(replace(each, name="renamed") for each in old()))

    assert asked[0] is reads_all
