"""Arrays in, small frozen dataclasses out: the numerical work, free of pandas."""
