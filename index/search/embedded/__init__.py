"""The engine that comes with Quoth: FAISS and tantivy in this process."""
