"""HTTP: one router a resource, and the protocols that tools speak."""
