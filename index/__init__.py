"""Chunks, embeddings, FAISS, the lexical index, the store that holds them together, and search."""
