"""Admission of questions: a bounded number runs, a bounded number waits, and the others are asked
to come back later.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from anyio import Event, move_on_after

from corpus.errors import BusyError

Client = tuple[str, int]
"""Who asks: an address, and a digest of the headers that distinguish clients at that address."""

CLIENT: ContextVar[Client] = ContextVar("CLIENT", default=("", 0))
"""The client of the present request."""

MAX_WAITING_QUESTIONS = 64
"""How many questions wait at most by default."""

MAX_WAIT_S = 1.5
"""How long the last question in a full queue is expected to wait."""

MAX_RETRY_AFTER_S = 30

_LEAST_WAITING = 4
_FIRST_GUESS_S = 0.1
_SMOOTHING = 0.1
_MAX_REMEMBERED = 10_000


@dataclass(slots=True, eq=False)
class _Waiter:
    """A question that waits.

    :param is_patient: it is not refused, however long it waits
    :param is_admitted: None until that is decided
    """

    client: Client
    is_patient: bool
    decided: Event = field(default_factory=Event)
    is_admitted: bool | None = None

    def decide(self, is_admitted: bool) -> None:
        self.is_admitted = is_admitted
        self.decided.set()


class QuestionQueue:
    """Admits questions, fairly among clients. Runs in one event loop.

    Addresses take turns, and so do the clients at each address. If the queue is full, the address
    with the most waiting questions loses its last one. So nobody waits behind all the questions of
    another, and a client that gives itself many names gains nothing.
    """

    def __init__(self, width: int, max_waiting: int) -> None:
        """An empty queue.

        :param width: how many questions run at a time
        :param max_waiting: how many wait at most; fewer do if questions take long
        """
        self._width = width
        self._max_waiting = max_waiting
        self._running = 0
        self._waiting: list[_Waiter] = []
        self._turns = 0
        self._last_turn: dict[Hashable, int] = {}
        self._mean_s = _FIRST_GUESS_S
        self._away = 0.0
        self._away_since = time.monotonic()

    @asynccontextmanager
    async def turn(self, *, is_patient: bool = False) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block.

        :param is_patient: whether to wait as long as it takes, for work that a bounded number of
            workers does
        :raises BusyError: too many questions wait
        """
        await self._admit(_Waiter(CLIENT.get(), is_patient))
        started = time.monotonic()
        try:
            yield
        finally:
            self._mean_s += _SMOOTHING * (time.monotonic() - started - self._mean_s)
            self._pass_on()

    def check_room(self) -> None:
        """Return if a question of the present client would be admitted or may wait, and raise
        otherwise. This costs less than to begin a request in vain.

        :raises BusyError: it would be refused at once
        """
        client = CLIENT.get()
        impatient = [waiter.client for waiter in self._waiting if not waiter.is_patient]
        if self._running < self._width or len(impatient) < self._capacity:
            return
        addresses = Counter(waiting[0] for waiting in (*impatient, client))
        clients = Counter(waiting for waiting in (*impatient, client) if waiting[0] == client[0])
        if addresses[client[0]] == max(addresses.values()) and clients[client] == max(
            clients.values()
        ):
            raise self._busy()

    async def _admit(self, waiter: _Waiter) -> None:
        if self._running < self._width:
            self._running += 1
            self._note_turn(waiter.client)
            return
        self._waiting.append(waiter)
        self._refuse_surplus(waiter.client)
        try:
            # Questions may take longer than expected, and other clients may go before this one.
            with move_on_after(None if waiter.is_patient else 2 * self._full_wait_s):
                await waiter.decided.wait()
        except BaseException:  # the client has left
            if waiter.is_admitted:
                self._pass_on()
            elif waiter.is_admitted is None:
                self._waiting.remove(waiter)
            raise
        if waiter.is_admitted is None:
            self._waiting.remove(waiter)
        if not waiter.is_admitted:
            raise self._busy()

    def _refuse_surplus(self, newcomer: Client) -> None:
        impatient = [waiter for waiter in self._waiting if not waiter.is_patient]
        if len(impatient) <= self._capacity:
            return
        addresses = Counter(waiter.client[0] for waiter in impatient)
        clients = Counter(waiter.client for waiter in impatient)
        # The last of the heaviest client at the heaviest address; of equals, the newcomer's.
        refused = max(
            enumerate(impatient),
            key=lambda entry: (
                addresses[entry[1].client[0]],
                entry[1].client[0] == newcomer[0],
                clients[entry[1].client],
                entry[1].client == newcomer,
                entry[0],
            ),
        )[1]
        self._waiting.remove(refused)
        refused.decide(False)

    def _pass_on(self) -> None:
        """End a turn, and admit the next question if one waits."""
        if not self._waiting:
            self._running -= 1
            return
        # Whoever has not had a turn for the longest time; of one client, the first to arrive.
        last = self._last_turn
        following = min(
            self._waiting,
            key=lambda waiter: (last.get(waiter.client[0], 0), last.get(waiter.client, 0)),
        )
        self._waiting.remove(following)
        self._note_turn(following.client)
        following.decide(True)

    def _note_turn(self, client: Client) -> None:
        if len(self._last_turn) > _MAX_REMEMBERED:
            self._last_turn.clear()
        self._turns += 1
        self._last_turn[client[0]] = self._last_turn[client] = self._turns

    @property
    def _rate(self) -> float:
        """Questions that are answered in a second."""
        return self._width / max(self._mean_s, 0.001)

    @property
    def _capacity(self) -> int:
        return min(self._max_waiting, max(_LEAST_WAITING, int(MAX_WAIT_S * self._rate)))

    @property
    def _full_wait_s(self) -> float:
        """How long the last question of a full queue waits if it is not pushed back."""
        return max(MAX_WAIT_S, self._capacity / self._rate)

    def _busy(self) -> BusyError:
        # Those who were refused come back. They are asked to do so at the rate at which questions
        # are answered, so that only as many are refused again as have to be.
        now = time.monotonic()
        self._away = max(0.0, self._away - (now - self._away_since) * self._rate) + 1
        self._away_since = now
        wait_s = 1 + int((len(self._waiting) + self._away) / self._rate)
        return BusyError(
            "too many questions are waiting; ask again later", min(wait_s, MAX_RETRY_AFTER_S)
        )
