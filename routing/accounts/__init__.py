"""The list of accounts and the page of one."""
