"""Where voices come from."""
