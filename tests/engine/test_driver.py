"""The loop: what is recorded before what is done, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from runner.core import commands as c, events as e
from runner.core.commands import Answer, Command
from runner.core.states import State
from runner.engine.driver import Driver
from runner.model import Fault, FaultKind
from tests.core.kit import OPERATION, Story, config, fault, key

pytestmark = pytest.mark.anyio

Happening = tuple[str, Any]


async def until(condition: Callable[[], object]) -> None:
    """Until something is so: nobody tells us."""
    while not condition():  # noqa: ASYNC110
        await anyio.sleep(0.01)


class Rig:
    """A driver over a story's run; what is recorded, done and noticed, in one list."""

    def __init__(self, segments: int = 2, *, kind: Any = "embedded", **more: Any) -> None:
        self.story = Story(config(kind=kind), segments=segments)
        self.run = self.story.run
        self.happened: list[Happening] = []
        self.takes: dict[type[Command], float] = {}
        self.instead: dict[type[Command], Callable[[Command], Answer]] = {}
        self.refuses: type[e.Event] | None = None
        self.driver = Driver(self.run, executor=self, recorder=self, now=self.now, observers=[self], **more)  # type: ignore[arg-type]
        self.driver.record(e.SessionOpened(at=self.now(), version="0", purpose="run"))

    def now(self) -> float:
        try:
            return 1_000_000.0 + anyio.current_time()
        except anyio.NoEventLoopError:
            return 1_000_000.0

    async def perform(self, command: Command) -> Answer:
        self.happened.append(("begin", command))
        await anyio.sleep(self.takes.get(type(command), 0.01))
        self.story.now = self.now()
        answer = self.instead.get(type(command), self.story.good)(command)
        self.happened.append(("end", command))
        return answer

    def append(self, events: Sequence[e.Event]) -> None:
        if self.refuses is not None and any(isinstance(event, self.refuses) for event in events):
            raise OSError("the disk is full")
        self.happened.append(("commit", tuple(events)))

    def notice(self, event: e.Event) -> None:
        self.happened.append(("notice", event))

    def of(self, what: str) -> list[Any]:
        return [value for name, value in self.happened if name == what]

    def done(self, kind: type[Command]) -> list[Any]:
        return [command for command in self.of("begin") if isinstance(command, kind)]


async def test_it_ends_when_the_books_are_closed():
    rig = Rig(segments=5)
    await rig.driver.drive()

    assert rig.run.closed
    assert rig.run.idle()
    assert rig.driver.halted is None


async def test_a_start_is_made_only_after_its_intent_is_durable():
    rig = Rig(segments=4)
    await rig.driver.drive()

    for place, (name, value) in enumerate(rig.happened):
        if name == "begin" and isinstance(value, c.StartJob):
            before = [events for what, events in rig.happened[:place] if what == "commit"]
            assert any(isinstance(ev, e.StartIntended) and ev.job == value.job for events in before for ev in events)


async def test_a_start_whose_intent_cannot_be_recorded_is_not_made():
    rig = Rig()
    rig.refuses = e.StartIntended

    with pytest.raises(ExceptionGroup) as caught:
        await rig.driver.drive()
    assert caught.group_contains(OSError, match="the disk is full")
    assert rig.done(c.StageBatch)
    assert not rig.done(c.StartJob)


async def test_what_arrived_and_what_follows_from_it_are_one_commit():
    rig = Rig(segments=1)
    await rig.driver.drive()

    (commit,) = (events for events in rig.of("commit") if any(isinstance(ev, e.BatchStaged) for ev in events))
    assert [type(event) for event in commit] == [e.BatchStaged, e.StartIntended]


async def test_only_durable_facts_reach_the_journal_and_all_facts_reach_the_observers_in_order():
    rig = Rig(segments=2)
    await rig.driver.drive()

    recorded = [event for events in rig.of("commit") for event in events]
    noticed = rig.of("notice")
    assert not any(event.volatile for event in recorded)
    assert [event for event in noticed if not event.volatile] == recorded
    assert any(isinstance(event, e.Launched) for event in noticed)


async def test_an_observer_that_raises_is_dropped_and_harms_nobody():
    class Clumsy:
        asked = 0

        def notice(self, event: e.Event) -> None:
            self.asked += 1
            raise RuntimeError("oh")

    clumsy, rig = Clumsy(), Rig()
    rig.driver._observers.insert(0, clumsy)
    await rig.driver.drive()

    assert clumsy.asked == 1
    assert rig.run.closed
    assert rig.of("notice")


async def test_a_halt_decides_nothing_more_and_waits_for_the_answers_that_are_under_way():
    """One of them may be a job that was just bought."""
    rig = Rig(segments=1)
    rig.takes[c.StartJob] = 5.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rig.driver.drive)
        await until(lambda: rig.done(c.StartJob))
        rig.driver.halt("a signal")
        rig.driver.halt("another")

    assert rig.run.jobs[key(0)].state is State.ACTIVE
    assert rig.driver.halted == "a signal"
    assert rig.of("commit")[-1][-1].remote_id == "r1"
    assert not rig.done(c.Sweep)


async def test_a_halt_does_not_wait_for_ever():
    rig = Rig(segments=1, drain_s=3.0)
    rig.takes[c.StartJob] = 1_000.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rig.driver.drive)
        await until(lambda: rig.done(c.StartJob))
        halted_at = anyio.current_time()
        rig.driver.halt("a signal")

    assert anyio.current_time() - halted_at == pytest.approx(3.0, abs=0.1)
    assert rig.run.jobs[key(0)].state is State.INTENDED


async def test_a_halt_before_or_after_driving_is_harmless():
    before = Rig()
    before.driver.halt("early")
    await before.driver.drive()
    assert not before.of("begin")

    after = Rig()
    await after.driver.drive()
    after.driver.halt("late")


async def test_a_fact_from_outside_is_recorded_and_heeded():
    rig = Rig(segments=1)
    rig.story.job_s = 10_000.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rig.driver.drive)
        await until(lambda: rig.run.by_state[State.ACTIVE])
        rig.driver.tell(e.CancelAsked(at=rig.now()))
        await until(lambda: rig.done(c.StopJob))
        tasks.cancel_scope.cancel()

    assert any(isinstance(event, e.CancelAsked) for events in rig.of("commit") for event in events)
    assert rig.run.cancelling


async def test_it_ends_without_being_done_when_only_the_user_can_go_on():
    rig = Rig(segments=3)
    rig.instead[c.StartJob] = lambda _: fault(FaultKind.DENIED, "AccessDeniedException")
    await rig.driver.drive()

    assert not rig.run.closed
    assert list(rig.run.parks) == [("here", OPERATION)]
    assert len(rig.done(c.StartJob)) <= 3


async def test_commands_run_side_by_side():
    rig = Rig(segments=6)
    rig.takes[c.StartJob] = 50.0
    begun = anyio.current_time()
    await rig.driver.drive()

    assert anyio.current_time() - begun < 100.0


async def test_a_bug_in_a_port_ends_the_drive():
    rig = Rig()

    def broken(_: Command) -> Fault:
        raise ZeroDivisionError

    rig.instead[c.StageBatch] = broken
    with pytest.raises(ExceptionGroup) as caught:
        await rig.driver.drive()
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.015, 0.03, 0.1, 0.5, 2.0])
async def test_a_cancellation_at_any_moment_ends_it_at_once_and_leaves_what_was_recorded(after_s: float):
    rig = Rig(segments=4)
    rig.takes[c.CollectJob] = 1.0
    with anyio.move_on_after(after_s):
        await rig.driver.drive()

    recorded = [event for events in rig.of("commit") for event in events]
    intended = {event.job for event in recorded if isinstance(event, e.StartIntended)}
    assert {command.job for command in rig.done(c.StartJob)} <= intended


async def test_an_answer_that_arrives_when_a_wait_ends_is_not_lost():
    """Both happen at the same moment; were it lost, its command would be in flight for ever."""
    for _ in range(20):
        rig = Rig(segments=2)
        rig.takes[c.Sweep] = 0.05
        rig.takes[c.StartJob] = 0.05
        with anyio.fail_after(1_000.0):
            await rig.driver.drive()
        assert rig.run.closed
