"""Reading: from passages that may hold the answer to spans that may be it."""
