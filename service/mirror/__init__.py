"""How documents get into the index: synced folders, and uploads in the background."""
