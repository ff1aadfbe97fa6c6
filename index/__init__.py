"""The index: chunks and their vectors in a store, and the search in them."""
