"""The read model: its tables, the projector that fills them from the log, and the code that keeps both correct."""
