"""Chinese for what the console says: English sentence to Chinese sentence. `word|context` tells apart what English does not."""

CHINESE: dict[str, str] = {}
