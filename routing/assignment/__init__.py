"""Who gets a lead: the policy in force applied to leads, explained, and tried on past ones."""
