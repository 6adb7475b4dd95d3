"""The day of a rep: dated tasks, attempts to reach somebody, snoozes, and the page Today."""
