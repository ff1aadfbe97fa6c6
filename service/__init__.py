"""The reader, answers with citations, HTTP, and the command line."""
