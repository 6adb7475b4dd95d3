"""What follows when the time of a promise is over, a rung at a time."""
