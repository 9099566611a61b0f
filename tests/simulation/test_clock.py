from __future__ import annotations

import anyio
import pytest

from runner.errors import InternalError
from runner.simulation.clock import run_virtually, virtual_now


def test_sleepers_wake_in_order_of_time():
    woken: list[tuple[float, float]] = []

    async def main() -> float:
        async def nap(seconds: float) -> None:
            await anyio.sleep(seconds)
            woken.append((seconds, anyio.current_time()))

        async with anyio.create_task_group() as tasks:
            for seconds in (86_400.0, 0.5, 30.0):
                tasks.start_soon(nap, seconds)
        return anyio.current_time()

    assert run_virtually(main) == pytest.approx(86_400.0)
    assert [seconds for seconds, _ in woken] == [0.5, 30.0, 86_400.0]
    assert all(at == pytest.approx(seconds) for seconds, at in woken)


def test_a_wait_that_nobody_ends_is_an_error_and_no_hang():
    async def main() -> None:
        await anyio.Event().wait()

    with pytest.raises(InternalError, match="nobody"):
        run_virtually(main)


def test_what_happens_at_once_happens_in_an_order_of_the_seed():
    def order(seed: int | None) -> list[int]:
        woken: list[int] = []

        async def main() -> None:
            async def nap(number: int) -> None:
                await anyio.sleep(1.0)
                woken.append(number)

            async with anyio.create_task_group() as tasks:
                for number in range(6):
                    tasks.start_soon(nap, number)
            assert virtual_now() == pytest.approx(1.0, abs=1e-5)

        run_virtually(main, seed=seed)
        return woken

    assert order(None) == order(None)
    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 5


def test_timers_go_off_however_late_it_is() -> None:
    """After some hundred days, the clock's steps are wider than a nanosecond."""

    async def main() -> float:
        await anyio.sleep(2.0**24 + 1 / 3)
        for _ in range(100):
            await anyio.sleep(0.1)
        return anyio.current_time()

    assert run_virtually(main) == pytest.approx(2.0**24 + 10 + 1 / 3)
