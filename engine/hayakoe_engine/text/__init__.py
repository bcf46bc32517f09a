"""Plain text to what is to be spoken; knows no voice."""
