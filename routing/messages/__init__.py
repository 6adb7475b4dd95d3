"""What users are told, in the product and outside of it."""
