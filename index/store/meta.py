"""Metadata of a store: its format, its generation, its manifest, and what was fitted on it."""

import json
from typing import Any

import sqlalchemy as sa

from index.store import tables
from index.store.database import Database


class Metadata:
    """Named values. A base of :class:`index.store.store.Store`."""

    database: Database

    @property
    def generation(self) -> int:
        """The number of the last write of documents."""
        with self.database.reading() as connection:
            return read_generation(connection)

    def skip_to(self, generation: int) -> None:
        """Make this the current generation number."""
        with self.database.transaction() as connection:
            write_generation(connection, generation)

    def manifest(self) -> dict[str, object] | None:
        """What the index was built with, or None before the first :meth:`set_manifest`."""
        manifest: dict[str, object] | None = self._value("manifest")
        return manifest

    def set_manifest(self, manifest: dict[str, object]) -> None:
        """Record what the index is built with from now on."""
        self._set_value("manifest", manifest)

    def calibration(self) -> dict[str, Any] | None:  # Any: JSON
        """The confidence calibration fitted on these documents, or None."""
        calibration: dict[str, Any] | None = self._value("calibration")  # Any: JSON
        return calibration

    def set_calibration(self, calibration: dict[str, object]) -> None:
        """Keep a calibration fitted on these documents."""
        self._set_value("calibration", calibration)

    def encoder_source(self) -> str | None:
        """The name or folder from which the encoder was loaded, or None if it was not recorded."""
        value = self._value("encoder_source")
        return None if value is None else str(value)

    def set_encoder_source(self, source: str) -> None:
        """Record the name or folder from which the encoder was loaded."""
        self._set_value("encoder_source", source)

    def _value(self, key: str) -> Any:  # Any: JSON
        with self.database.reading() as connection:
            return read_value(connection, key)

    def _set_value(self, key: str, value: object) -> None:
        with self.database.transaction() as connection:
            write_value(connection, key, value)


def read_value(connection: sa.Connection, key: str) -> Any:  # Any: JSON
    """The value under a key, or None."""
    query = sa.select(tables.meta.c.value).where(tables.meta.c.key == key)
    value = connection.execute(query).scalar_one_or_none()
    return None if value is None else json.loads(value)


def write_value(connection: sa.Connection, key: str, value: object) -> None:
    """Put a value under a key, in place of the former one."""
    connection.execute(tables.meta.delete().where(tables.meta.c.key == key))
    connection.execute(tables.meta.insert(), [value_row(key, value)])


def value_row(key: str, value: object) -> dict[str, str]:
    """A key and its value as a row of the table."""
    return {"key": key, "value": json.dumps(value, sort_keys=True)}


def read_generation(connection: sa.Connection) -> int:
    """The number of the last write of documents, 0 if there was none."""
    return int(read_value(connection, "generation") or 0)


def write_generation(connection: sa.Connection, generation: int) -> None:
    """Make this the current generation number."""
    connection.execute(
        tables.meta.update().where(tables.meta.c.key == "generation").values(value=str(generation))
    )
