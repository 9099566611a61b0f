"""The loop: take in what has happened, record it, decide, record that, act; then wait for more.

Rules.

1. Events are applied and recorded in one place and in one order, and a step's events are one commit.
2. A command is carried out only after the events it follows from are durable (`StartIntended` above all).
3. Commands run side by side; their answers come back through one inbox and are interpreted one at a time.
4. A halt (a signal, a deadline) stops decisions, not what is under way: answers that are on their way are waited for,
   within `drain_s`, since one may be a job that was just bought.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from runner.core import events as e
from runner.core.agenda import Decision, consider
from runner.core.answers import interpret
from runner.core.commands import Answer, Command
from runner.core.run import Run
from runner.engine.executor import Executor
from runner.engine.ports import Observer, Recorder

WAIT_S_MAX = 3_600.0
"""The longest nap: no timer below needs to hold longer."""
STEPS_BEFORE_YIELD = 64
"""Steps without waiting, after which other tasks get a turn."""


class Driver:
    """Drives a run until nothing more can be done, or until it is halted."""

    def __init__(
        self,
        run: Run,
        *,
        executor: Executor,
        recorder: Recorder,
        now: Callable[[], float],
        observers: Sequence[Observer] = (),
        drain_s: float = 20.0,
    ) -> None:
        self.run = run
        self._executor = executor
        self._recorder = recorder
        self._now = now
        self._observers = list(observers)
        self._drain_s = drain_s
        self._unrecorded: list[e.Event] = []
        # Not a stream: an answer must not be lost between a sender and a receiver whose wait has just timed out.
        self._inbox: deque[tuple[Command, Answer] | e.Event] = deque()
        self._wake = anyio.Event()
        self.halted: str | None = None
        self.steps = 0

    def halt(self, reason: str) -> None:
        """Decide nothing more; return once what is under way has ended. May be called from any task, at any time."""
        if self.halted is None:
            self.halted = reason
            self._wake.set()

    def tell(self, event: e.Event) -> None:
        """Hand in a fact from outside (a cancel). May be called from any task."""
        self._arrive(event)

    def watched_by(self, observer: Observer) -> None:
        """Tell one observer more of what happens: one that itself tells the driver something."""
        self._observers.append(observer)

    def record(self, *events: e.Event) -> None:
        """Apply and record facts at once; for those who prepare a run before it is driven."""
        for event in events:
            self._apply(event)
        self._commit()

    async def drive(self) -> None:
        """Run to the end. Returns when nothing is under way and nothing can be done, or after a halt."""
        async with anyio.create_task_group() as tasks:
            await self._loop(tasks)
            tasks.cancel_scope.cancel()

    async def wait_for_news(self) -> None:
        """Until a fact is handed in from outside, or a halt; for those who know of one to come."""
        while self.halted is None and not self._inbox:
            await self._wait(WAIT_S_MAX)

    async def _loop(self, tasks: TaskGroup) -> None:
        while self.halted is None:
            now = self._now()
            self._take_in(now)
            outlook = consider(self.run, now)
            self._carry_out(outlook.decision, now, tasks)
            self.steps += 1
            if outlook.again:
                if self.steps % STEPS_BEFORE_YIELD == 0:
                    await anyio.lowlevel.checkpoint()
            elif outlook.wakeup is not None:
                await self._wait(min(WAIT_S_MAX, outlook.wakeup - now))
            elif not self.run.idle():
                await self._wait(WAIT_S_MAX)
            elif not self._inbox:
                return
        await self._drain()

    def _take_in(self, now: float) -> None:
        """Fold everything that has arrived."""
        while self._inbox:
            item = self._inbox.popleft()
            if isinstance(item, e.Event):
                self._apply(item)
            else:
                for event in interpret(self.run, *item, now):
                    self._apply(event)

    def _carry_out(self, decision: Decision, now: float, tasks: TaskGroup) -> None:
        """Record what has arrived and what was decided, in one commit; only then set it going."""
        for event in decision.events:
            self._apply(event)
        self._commit()
        for command in decision.commands:
            self._apply(e.Launched(at=now, command=command))
            tasks.start_soon(self._perform, command)
        self._commit()

    async def _perform(self, command: Command) -> None:
        answer = await self._executor.perform(command)
        self._arrive((command, answer))

    def _arrive(self, item: tuple[Command, Answer] | e.Event) -> None:
        self._inbox.append(item)
        self._wake.set()

    async def _wait(self, seconds: float) -> None:
        """Until something arrives, or a halt; at most so long."""
        with anyio.move_on_after(max(0.0, seconds)):
            await self._wake.wait()
        self._wake = anyio.Event()

    async def _drain(self) -> None:
        """Wait for the answers that are under way: one may be a job that was just bought."""
        with anyio.move_on_after(self._drain_s):
            while not self.run.idle():
                if not self._inbox:
                    await self._wait(self._drain_s)
                self._take_in(self._now())
                self._commit()
        self._take_in(self._now())
        self._commit()

    def _apply(self, event: e.Event) -> None:
        self.run.apply(event)
        self._unrecorded.append(event)

    def _commit(self) -> None:
        """Make what was applied durable, then tell the observers."""
        if not self._unrecorded:
            return
        events, self._unrecorded = self._unrecorded, []
        durable = [event for event in events if not event.volatile]
        if durable:
            self._recorder.append(durable)
        for event in events:
            for observer in tuple(self._observers):
                try:
                    observer.notice(event)
                except Exception:  # noqa: BLE001 - whoever watches must not harm what is watched
                    self._observers.remove(observer)
