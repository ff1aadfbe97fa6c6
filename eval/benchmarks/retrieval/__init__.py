"""Benchmark of retrieval: ways to chunk, analyse and fuse, compared on two public sets."""
