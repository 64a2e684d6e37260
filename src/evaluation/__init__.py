"""What a model is scored on, during a run and after it."""
