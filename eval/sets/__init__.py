"""Question sets: the labelled questions of this project, and how sets are read."""
