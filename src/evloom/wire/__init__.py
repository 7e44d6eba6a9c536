"""The protocol edge: bytes in, our own words out, and back. No socket, no clock, no database."""
