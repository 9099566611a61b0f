"""The loop: take in what has happened, record it, decide, record that, act; then wait for more.

Rules.

1. Events are applied and recorded in one place and in one order, and a step's events are one commit.
2. A command is carried out only after the events it follows from are durable (`StartIntended` above all).
3. Commands run side by side; their answers come back through one inbox and are interpreted one at a time.
4. A halt (a signal, a deadline) stops decisions, not what is under way: answers that are on their way are waited for,
   within `drain_s`, since one may be a job that was just bought.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from runner.core import events as e
from runner.core.agenda import due, next_wakeup
from runner.core.answers import interpret
from runner.core.commands import Answer, Command
from runner.core.run import Run
from runner.engine.executor import Executor
from runner.engine.ports import Observer, Recorder

WAIT_MAX_S = 3_600.0
"""The longest nap: a wall clock that was set is noticed within the hour."""
STEPS_BEFORE_YIELD = 64
"""Steps without waiting, after which other tasks get a turn."""

_Item = tuple[Command, Answer] | e.Event | None


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
        self._send: MemoryObjectSendStream[_Item]
        self._inbox: MemoryObjectReceiveStream[_Item]
        self._send, self._inbox = anyio.create_memory_object_stream[_Item](inf)
        self.halted: str | None = None
        self.steps = 0

    def halt(self, reason: str) -> None:
        """Decide nothing more; return once what is under way has ended. May be called from any task."""
        if self.halted is None:
            self.halted = reason
            self._send.send_nowait(None)

    def tell(self, event: e.Event) -> None:
        """Hand in a fact from outside (a cancel). May be called from any task."""
        self._send.send_nowait(event)

    def record(self, *events: e.Event) -> None:
        """Apply and record facts at once; for those who prepare a run before it is driven."""
        for event in events:
            self._apply(event)
        self._commit()

    async def drive(self) -> None:
        """Run to the end. Returns when nothing is under way and nothing can be done, or after a halt."""
        with self._send, self._inbox:
            async with anyio.create_task_group() as tasks:
                await self._loop(tasks)
                tasks.cancel_scope.cancel()

    async def _loop(self, tasks: TaskGroup) -> None:
        while True:
            self._take_in()
            decided = self.halted is None and self._decide(tasks)
            self._commit()
            self.steps += 1
            if decided:
                if self.steps % STEPS_BEFORE_YIELD == 0:
                    await anyio.lowlevel.checkpoint()
                continue
            if self.halted is not None:
                await self._drain()
                return
            now = self._now()
            wakeup = next_wakeup(self.run, now)
            if wakeup is None and self.run.idle() and not self._inbox.statistics().current_buffer_used:
                return
            await self._wait(min(WAIT_MAX_S, wakeup - now) if wakeup is not None else WAIT_MAX_S)

    def _take_in(self) -> None:
        """Fold everything that has arrived."""
        while True:
            try:
                item = self._inbox.receive_nowait()
            except anyio.WouldBlock:
                return
            self._fold(item)

    def _fold(self, item: _Item) -> None:
        if isinstance(item, e.Event):
            self._apply(item)
        elif item is not None:
            command, answer = item
            for event in interpret(self.run, command, answer, self._now()):
                self._apply(event)

    def _decide(self, tasks: TaskGroup) -> bool:
        """Record what is due, then set it going. Returns whether anything was."""
        decision = due(self.run, self._now())
        for event in decision.events:
            self._apply(event)
        self._commit()
        for command in decision.commands:
            self._apply(e.Launched(at=self._now(), command=command))
            tasks.start_soon(self._carry_out, command)
        return bool(decision)

    async def _carry_out(self, command: Command) -> None:
        answer = await self._executor.perform(command)
        self._send.send_nowait((command, answer))

    async def _wait(self, seconds: float) -> None:
        with anyio.move_on_after(max(0.0, seconds)):
            self._fold(await self._inbox.receive())

    async def _drain(self) -> None:
        with anyio.move_on_after(self._drain_s):
            while not self.run.idle():
                self._fold(await self._inbox.receive())
                self._commit()
        self._take_in()
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
