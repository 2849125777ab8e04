"""HTML pages for people, over the same queries as the API. They work without scripts; see `templates/` and `static/`."""
