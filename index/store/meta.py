"""Metadata of a store: its format, its generation, its manifest, and what was fitted on it."""

import json
from typing import Any

import sqlalchemy as sa

from index.store import tables
from index.store.database import Database
from index.store.rows import check_row, checksum_of, damaged_row


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

    def extraction(self) -> dict[str, int] | None:
        """The revisions of the code that the texts of all kept files were extracted with, or with
        later ones, by suffix. None before the first :meth:`set_extraction`.
        """
        revisions: dict[str, int] | None = self._value("extraction")
        return revisions

    def set_extraction(self, revisions: dict[str, int]) -> None:
        """Record the revisions of the code that has extracted the texts of all kept files."""
        if revisions != self.extraction():
            self._set_value("extraction", revisions)

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
    query = sa.select(tables.meta.c.value, tables.meta.c.checksum).where(tables.meta.c.key == key)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    check_row(key, row.checksum, key, row.value)
    try:
        return json.loads(row.value)
    except ValueError as exc:
        raise damaged_row(key) from exc


def write_value(connection: sa.Connection, key: str, value: object) -> None:
    """Put a value under a key, in place of the former one."""
    connection.execute(tables.meta.delete().where(tables.meta.c.key == key))
    connection.execute(tables.meta.insert(), [value_row(key, value)])


def value_row(key: str, value: object) -> dict[str, object]:
    """A key and its value as a row of the table."""
    text = json.dumps(value, sort_keys=True)
    return {"key": key, "value": text, "checksum": checksum_of(key, text)}


def read_generation(connection: sa.Connection) -> int:
    """The number of the last write of documents, 0 if there was none."""
    generation = read_value(connection, "generation") or 0
    if not isinstance(generation, int) or generation < 0:
        raise damaged_row("generation")
    return generation


def write_generation(connection: sa.Connection, generation: int) -> None:
    """Make this the current generation number."""
    # Older versions of Quoth change this value in place, and its checksum would stay behind.
    connection.execute(
        tables.meta.update()
        .where(tables.meta.c.key == "generation")
        .values(value=str(generation), checksum=None)
    )
