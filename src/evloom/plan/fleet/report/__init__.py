"""The HTML report of a dispatch: one file that opens without a network, in English or Chinese."""
