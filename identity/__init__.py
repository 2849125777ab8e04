"""Who people are and what they may do: the people directory, API tokens and local owners of a log."""
