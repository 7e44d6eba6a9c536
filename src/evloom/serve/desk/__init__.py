"""The desk: what the platform answers to what stations say."""
