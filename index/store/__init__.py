"""The store: documents, chunks and vectors in a database, which is the truth."""
