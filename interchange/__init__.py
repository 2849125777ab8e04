"""Files in and out: tracker histories, decision records in Markdown, and files of commands."""
