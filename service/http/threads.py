"""The threads that requests run in: the only place where they leave the event loop."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """As many readers as there are cores, one writer, and one for background work."""

    def __init__(self, width: int) -> None:
        self._readers = CapacityLimiter(width)
        self._writer = CapacityLimiter(1)
        self._idler = CapacityLimiter(1)

    async def read(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a function that does not change documents."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._readers)

    async def write(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a function that changes documents."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._writer)

    async def idle(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a long function in the background, so that no question waits for it."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._idler)
