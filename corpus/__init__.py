"""Documents: what they are, how files are turned into documents, and the sample library."""
