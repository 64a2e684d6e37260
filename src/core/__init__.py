"""Files, names, options, errors and metric definitions that every other package uses."""
