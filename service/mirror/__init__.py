"""How documents keep up with folders and uploads."""
