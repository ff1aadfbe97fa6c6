"""The choice of the search engine."""

from collections.abc import Callable
from pathlib import Path

from index.search.embedded.engine import EmbeddedEngine
from index.search.engine import Engine
from index.store.store import Store


def open_engine(
    folder: Path,
    store: Store,
    dimension: int,
    *,
    writable: bool,
    mend: Callable[[], bool] = lambda: False,
) -> Engine:
    """The engine of a data folder, in the state that is on disk.

    :meth:`~index.search.engine.Engine.catch_up` or :meth:`~index.search.engine.Engine.follow`
    brings it to the store's generation.

    :param dimension: of the vectors
    :param mend: brings what is on disk to the store's generation if there is no writer to do it,
        and returns whether it could; for a reader whose writer was killed
    :raises StoreError: what is on disk is damaged or built by other code, and must not be written
    """
    return EmbeddedEngine(folder, store, dimension, writable=writable, mend=mend)


def move_engine_files(source: Path, target: Path) -> None:
    """Replace the engine's files in one folder by those in another. The engines of both are closed.

    If it is interrupted, it can be done again.
    """
    EmbeddedEngine.move(source, target)
