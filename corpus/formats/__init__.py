"""The document formats. Each module turns the bytes of a file into
:class:`~corpus.formats.extracted.Extracted`.
"""
