"""What is kept of people beside their faces: roster, erased list, keys and the lock on them."""
