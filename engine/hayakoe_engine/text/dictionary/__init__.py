"""Words of the user's own: how they are read, kept in a file."""
