"""What all acts of people on leads share: who may, the lock, the answer, changes of hands, forms, the REST API."""
