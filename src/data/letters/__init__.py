"""Characters: EMNIST, any IDX files, pen strokes and typeset capitals."""
