"""Figures, signs and units, turned into what is said."""
