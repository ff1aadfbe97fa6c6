"""The threads that requests run in: the only place where they leave the event loop.

Each kind of work has a share of its own, so that none waits for another: questions, light reads,
uploads, writes, and work in the background.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, from_thread, to_thread

from corpus.errors import BusyError
from service.http.admission import MAX_WAITING_QUESTIONS, QuestionQueue

QUESTION_S = 30.0
"""How long a question may take by default, with the time that it waits."""

Check = Callable[[object], None]
"""Called between the stages of answering. It raises if the answer is no longer wanted, because the
client has left or the question has taken too long. What it is called with does not matter.
"""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """As many questions and light reads at a time as there are cores, half as many uploads, one
    writer, and one for background work.
    """

    def __init__(
        self,
        width: int,
        *,
        max_waiting: int = MAX_WAITING_QUESTIONS,
        question_s: float = QUESTION_S,
    ) -> None:
        """Idle threads.

        :param max_waiting: how many questions wait at most
        :param question_s: how long a question may take, with the time that it waits
        """
        self._questions = QuestionQueue(width, max_waiting)
        self._question_s = question_s
        # The queue decides who runs. Without a limiter, questions would share the default one.
        self._question_threads = CapacityLimiter(width)
        self._readers = CapacityLimiter(max(2, width))
        self._uploads = CapacityLimiter(max(1, width // 2))
        self._writer = CapacityLimiter(1)
        self._idler = CapacityLimiter(1)

    def check_room(self) -> None:
        """Return if there is room for a question of the present client.

        :raises BusyError: :meth:`ask` would refuse it at once
        """
        self._questions.check_room()

    async def ask(self, work: Callable[[Check], _T], *, is_patient: bool = False) -> _T:
        """Run a question when it is its turn.

        :param work: calls its argument between its stages
        :param is_patient: whether to wait for the turn as long as it takes
        :raises BusyError: too many questions wait, or this one took too long
        """
        deadline = time.monotonic() + self._question_s

        def check(_stage: object) -> None:
            from_thread.check_cancelled()
            if time.monotonic() > deadline:
                raise BusyError(
                    f"the question took longer than {self._question_s:g} s "
                    "(QUOTH_QUESTION_SECONDS); ask again later, or ask for fewer passages"
                )

        def checked() -> _T:
            check(None)
            return work(check)

        async with self._questions.turn(is_patient=is_patient):
            if is_patient:
                deadline = time.monotonic() + self._question_s
            return await to_thread.run_sync(checked, limiter=self._question_threads)

    async def read(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a function that is soon done and does not change documents."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._readers)

    async def parse(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a function that parses what was uploaded."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._uploads)

    async def write(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a function that changes documents."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._writer)

    async def idle(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a long function in the background, so that no question waits for it."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._idler)
