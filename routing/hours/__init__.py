"""Business time: when teams and reps work, who covers for whom, and when somebody can be called."""
