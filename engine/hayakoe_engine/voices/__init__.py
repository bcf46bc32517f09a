"""The voices: from a reading to audio."""
