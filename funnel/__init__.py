"""What happened, and where it stands."""
