"""The floor of a team for its manager, and reps who leave."""
