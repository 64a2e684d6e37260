"""`python -m src.sample RUN`: draws samples from a finished run's checkpoint."""
