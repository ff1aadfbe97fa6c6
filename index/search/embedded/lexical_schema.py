"""The schema of the lexical index, and the conversion of a chunk to an entry."""

from datetime import date

import tantivy

from index.store.chunks import StoredChunk

REVISION = 3
"""Increased with every change of the fields or their contents. A lexical index with another
revision is built again.
"""


EVERYBODY = "\n"
"""Stands for the groups of a document that has none. No group has this name, because names have no
line breaks.
"""


def make_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("chunk_id", indexed=True, fast=True)
    builder.add_unsigned_field("generation", indexed=True, fast=True)
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("tag", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("collection", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("group", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("published", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name="quoth", index_option="freq")
    builder.add_text_field("context", tokenizer_name="quoth", index_option="freq")
    return builder.build()


def make_entry(stored: StoredChunk) -> tantivy.Document:
    entry = tantivy.Document()
    entry.add_unsigned("chunk_id", stored.id)
    entry.add_text("document_id", stored.chunk.document_id)
    for tag in stored.tags:
        entry.add_text("tag", tag)
    entry.add_text("collection", stored.collection)
    for group in stored.groups or (EVERYBODY,):
        entry.add_text("group", group)
    if stored.published:
        entry.add_integer("published", day_number(stored.published))
    entry.add_text("text", stored.chunk.indexed_text)
    entry.add_text("context", stored.chunk.context)
    return entry


def day_number(day: date) -> int:
    return day.toordinal()
