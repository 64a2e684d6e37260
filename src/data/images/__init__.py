"""Images as users have them: folders, archives and arrays of any size and colour, labelled or not."""
