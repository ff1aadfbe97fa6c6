"""The document formats: one module each, turning a file's bytes into
:class:`~corpus.formats.extracted.Extracted`.
"""
