"""One module a page; each lists its views for the map."""
