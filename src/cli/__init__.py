"""The command line: options are checked before anything is made."""
