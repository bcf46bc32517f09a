"""What runs in the container around the server; the server itself knows nothing of it."""
