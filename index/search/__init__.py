"""Search: an engine's candidates, fused into one ranking of hits."""
