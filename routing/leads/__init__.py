"""The list of leads and the page of one: why this score, this stage, this owner."""
