"""Documents: what they are, how files become documents, and the library shipped with the
project.
"""
