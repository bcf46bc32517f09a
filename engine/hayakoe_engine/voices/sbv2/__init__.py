"""Style-Bert-VITS2 JP-Extra voices."""
