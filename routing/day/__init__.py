"""What reps plan and do: dated tasks, attempts to reach somebody, snoozes, ratings."""
