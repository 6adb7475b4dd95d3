"""What people decide about leads: the acts, and the pages that ask for them."""
