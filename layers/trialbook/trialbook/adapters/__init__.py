"""One module per outside service, named after it."""
