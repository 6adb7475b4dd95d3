"""How good a person and an account look."""
