"""The accounts: what one is, and the file that holds them. Nothing else touches that file."""
