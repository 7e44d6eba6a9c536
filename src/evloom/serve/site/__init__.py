"""Sites of the live platform: the document that says what a site is made of, and what the loop makes of it."""
