"""Training: sets, rows, the network and its loss. Nothing here is imported while Quoth serves."""
