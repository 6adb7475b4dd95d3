"""What it all comes to, read only."""
