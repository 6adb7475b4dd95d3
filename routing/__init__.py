"""Who works on what, and by when."""
