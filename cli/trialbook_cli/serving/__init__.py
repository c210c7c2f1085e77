"""The pages of a book over HTTP, made when they are asked for."""
