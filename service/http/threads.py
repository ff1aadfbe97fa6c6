"""Threads: the one place where requests leave the event loop."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """Readers as wide as the cores, one writer, and one for what nobody waits for."""

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
        """Run a long function that nobody's question should wait for."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._idler)
