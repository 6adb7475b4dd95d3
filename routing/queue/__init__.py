"""What to work next: the queue of leads that wait for a decision, the page Today, and their rows."""
