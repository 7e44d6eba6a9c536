"""Several processes on one database: who owns a station, who leads a site, and how they wake each other."""
