"""Voices that speak on other machines, by Ray; needs the extra ``cluster``."""
