"""What reps may take and serve: seats with their quotas and levels, and whom reps are to meet."""
