"""Battery frames on disk: readers of files, the store, and the per-day features beside it."""
