"""Admission of questions: whose turn it is, who is refused, and who has left."""

import time
from collections.abc import Callable
from functools import partial

import anyio
import pytest
from anyio import Event, create_task_group

from corpus.errors import BusyError
from service.http.admission import CLIENT, MAX_RETRY_AFTER_S, Client, QuestionQueue
from service.http.threads import Check, Threads


class Askers:
    """Clients of a queue that answers one question at a time.

    :param turns: who had a turn, in order
    :param refused: who was refused, in order
    """

    def __init__(self, max_waiting: int) -> None:
        self.queue = QuestionQueue(1, max_waiting)
        self.turns: list[str] = []
        self.refused: list[tuple[str, int]] = []
        self.begin = Event()

    async def ask(self, name: str, client: Client, *, is_patient: bool = False) -> None:
        """Ask, and hold the turn until everybody has asked."""
        CLIENT.set(client)
        try:
            async with self.queue.turn(is_patient=is_patient):
                await self.begin.wait()
                self.turns.append(name)
        except BusyError as exc:
            self.refused.append((name, exc.retry_after_s))


def run(work: Callable[[], object]) -> None:
    """Run an asynchronous test."""
    anyio.run(work)  # type: ignore[arg-type]  # each is a coroutine function


def test_a_client_does_not_wait_behind_all_the_questions_of_another() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=50)
        # The queue has to be long enough for all of them.
        askers.queue._mean_s = 0.01
        async with create_task_group() as group:
            for number in range(20):
                group.start_soon(askers.ask, f"many {number}", ("10.0.0.1", 1))
                await anyio.wait_all_tasks_blocked()
            for name, client in (("one", ("10.0.0.2", 1)), ("two", ("10.0.0.3", 1))):
                group.start_soon(askers.ask, name, client)
                await anyio.wait_all_tasks_blocked()
            askers.begin.set()
        assert len(askers.turns) == 22
        # "many 0" was running already.
        assert set(askers.turns[1:3]) == {"one", "two"}
        assert askers.turns[3:6] == ["many 1", "many 2", "many 3"]

    run(scenario)


def test_a_client_with_many_names_at_one_address_gains_nothing() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=50)
        askers.queue._mean_s = 0.01
        async with create_task_group() as group:
            for number in range(10):
                group.start_soon(askers.ask, f"name {number}", ("10.0.0.1", number))
                await anyio.wait_all_tasks_blocked()
            for number in range(3):
                group.start_soon(askers.ask, f"other {number}", ("10.0.0.2", 1))
                await anyio.wait_all_tasks_blocked()
            askers.begin.set()
        assert [name[:4] for name in askers.turns[1:7]] == ["othe", "name"] * 3

    run(scenario)


def test_a_full_queue_refuses_the_heaviest_client() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=5)
        askers.queue._mean_s = 0.01
        async with create_task_group() as group:
            for number in range(8):
                group.start_soon(askers.ask, f"many {number}", ("10.0.0.1", 1))
                await anyio.wait_all_tasks_blocked()
            assert [name for name, _ in askers.refused] == ["many 6", "many 7"]
            group.start_soon(askers.ask, "one", ("10.0.0.2", 1))
            await anyio.wait_all_tasks_blocked()
            assert askers.refused[-1][0] == "many 5"
            askers.begin.set()
        assert askers.turns[:2] == ["many 0", "one"]

    run(scenario)


def test_the_queue_is_as_long_as_can_be_answered_in_time() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=50)
        askers.queue._mean_s = 0.1  # 15 questions in 1.5 s
        async with create_task_group() as group:
            for number in range(40):
                group.start_soon(askers.ask, str(number), ("10.0.0.1", 1))
                await anyio.wait_all_tasks_blocked()
            askers.begin.set()
        assert len(askers.turns) == 16
        waits = [seconds for _, seconds in askers.refused]
        # They are asked to come back at the rate at which questions are answered.
        assert waits == sorted(waits)
        assert 1 <= waits[0] <= 3
        assert 2 <= waits[-1] <= 5 <= MAX_RETRY_AFTER_S

    run(scenario)


def test_patient_questions_wait_whatever_others_do() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=4)
        async with create_task_group() as group:
            group.start_soon(askers.ask, "running", ("10.0.0.1", 1))
            await anyio.wait_all_tasks_blocked()
            for number in range(20):
                group.start_soon(partial(askers.ask, f"slack {number}", ("", 0), is_patient=True))
            await anyio.wait_all_tasks_blocked()
            for number in range(6):
                group.start_soon(askers.ask, f"web {number}", ("10.0.0.1", 1))
            await anyio.wait_all_tasks_blocked()
            assert len(askers.refused) == 2
            askers.begin.set()
        assert len(askers.turns) == 25

    run(scenario)


def test_whoever_has_left_does_not_start_and_keeps_no_turn() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=50)
        askers.queue._mean_s = 0.01
        async with create_task_group() as group:
            group.start_soon(askers.ask, "running", ("10.0.0.1", 1))
            await anyio.wait_all_tasks_blocked()
            async with create_task_group() as leaving:
                for number in range(10):
                    leaving.start_soon(askers.ask, f"left {number}", ("10.0.0.2", 1))
                await anyio.wait_all_tasks_blocked()
                leaving.cancel_scope.cancel()
            group.start_soon(askers.ask, "next", ("10.0.0.3", 1))
            await anyio.wait_all_tasks_blocked()
            askers.begin.set()
        assert askers.turns == ["running", "next"]
        assert askers.queue._running == 0

    run(scenario)


def test_whoever_would_be_refused_is_known_before_asking() -> None:
    async def scenario() -> None:
        askers = Askers(max_waiting=4)
        async with create_task_group() as group:
            CLIENT.set(("10.0.0.1", 1))
            askers.queue.check_room()
            for number in range(5):
                group.start_soon(askers.ask, f"many {number}", ("10.0.0.1", 1))
                await anyio.wait_all_tasks_blocked()
            for client in (("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.1", 2)):
                CLIENT.set(client)
                if client == ("10.0.0.1", 1):
                    with pytest.raises(BusyError):
                        askers.queue.check_room()
                else:
                    # A lighter client takes the place of the last question of a heavier one.
                    askers.queue.check_room()
            askers.begin.set()

    run(scenario)


@pytest.mark.parametrize("waits", [False, True])
def test_a_question_past_its_time_is_given_up(waits: bool) -> None:
    threads = Threads(1, question_s=0.2)
    stages: list[int] = []

    def work(check: Check) -> None:
        for stage in range(20):
            check(stage)
            stages.append(stage)
            time.sleep(0.05)

    async def scenario() -> None:
        async with create_task_group() as group:
            if waits:

                async def first() -> None:
                    with pytest.raises(BusyError):
                        await threads.ask(work)

                group.start_soon(first)
                await anyio.sleep(0.1)
                stages.clear()
            with pytest.raises(BusyError, match="QUOTH_QUESTION_SECONDS"):
                await threads.ask(work)

    run(scenario)
    assert len(stages) < 10


def test_work_ends_between_its_stages_when_its_client_has_left() -> None:
    threads, stages = Threads(1), list[int]()

    def work(check: Check) -> None:
        for stage in range(100):
            check(stage)
            stages.append(stage)
            time.sleep(0.02)

    async def scenario() -> None:
        with anyio.move_on_after(0.2):
            await threads.ask(work)
        reached = len(stages)
        await anyio.sleep(0.2)
        assert len(stages) == reached < 30
        # Its turn is free again.
        assert await threads.ask(lambda _check: "next") == "next"

    run(scenario)
