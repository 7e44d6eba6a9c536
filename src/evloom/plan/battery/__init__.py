"""`evloom diagnose`: what files of battery frames say of every battery, as a table, JSON, pages, or line by line as they come."""
