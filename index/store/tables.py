"""The tables of the store's database.

The checksum of a row covers the other columns that searches and answers depend on
(:mod:`index.store.rows`). It is null in rows that an older version of Quoth wrote.
"""

import sqlalchemy as sa

metadata = sa.MetaData()
meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("checksum", sa.Integer),
)
documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("published", sa.Date, index=True),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("characters", sa.Integer, nullable=False),
    sa.Column("updated_at", sa.Text, nullable=False),
    sa.Column("structure", sa.Text),
    sa.Column("published_from", sa.Text),
    # Null in documents of the default collection, which older versions of Quoth wrote too.
    sa.Column("collection", sa.Text, index=True),
    # The groups that may know of it, sorted, as a list in JSON. Null for everybody.
    sa.Column("groups", sa.Text, index=True),
    sa.Column("checksum", sa.Integer),
)
collections = sa.Table(
    "collections",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("min_confidence", sa.Float),
    sa.Column("created_at", sa.Text, nullable=False),
)
"""The collections besides the default one, which needs no row to exist."""
document_tags = sa.Table(
    "document_tags",
    metadata,
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("document_id", sa.Text, primary_key=True, index=True),
)
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("document_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("pages", sa.JSON, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("checksum", sa.Integer),
)
structures = sa.Table(
    "structures",
    metadata,
    sa.Column("document_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("blocks", sa.JSON, nullable=False),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Column("checksum", sa.Integer),
)
"""Blocks and notes. Versions that an older version of Quoth wrote have none."""
files = sa.Table(
    "files",
    metadata,
    sa.Column("document_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text),
    sa.Column("sha256", sa.Text, index=True),
    sa.Column("checksum", sa.Integer),
)
"""The file that each version was read from; its sha256 is null if the file itself is not kept.
Versions that were not read from a file, or that an older version of Quoth wrote, have none.
"""
chunks = sa.Table(
    "chunks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("document_id", sa.Text, nullable=False, index=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("context", sa.Text, nullable=False),
    # What models read if that is more than the text as one part: the lists of
    # index.text.view.View as JSON, in which null stands for the chunk's own text.
    sa.Column("view", sa.Text, info={"former_name": "table_view"}),
    sa.Column("generation", sa.Integer, nullable=False, index=True),
    sa.Column("checksum", sa.Integer),
    # an id is never given twice: no derived index takes an old chunk for a new one
    sqlite_autoincrement=True,
)
vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("chunk_id", sa.Integer, primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("checksum", sa.Integer),
)
removed_chunks = sa.Table(
    "removed_chunks",
    metadata,
    sa.Column("chunk_id", sa.Integer, primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False, index=True),
)
