"""What every domain package shares: shipped files, counts, results, inference, checks."""
