"""The queue: which leads wait for a decision, and its page."""
