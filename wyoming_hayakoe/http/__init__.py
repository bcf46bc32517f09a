"""The HTTP side of the server; the only place that knows aiohttp."""
