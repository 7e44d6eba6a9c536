"""The HTML report of a study: one file that opens without a network, in English or Chinese."""
