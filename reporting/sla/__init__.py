"""How promises are kept: by kind, team, rep and period, with the leads behind each number."""
