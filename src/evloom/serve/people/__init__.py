"""Who may do what: passwords, sessions, API keys, roles, and how the first administrator comes to be."""
