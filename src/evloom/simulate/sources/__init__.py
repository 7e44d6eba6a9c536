"""Where sessions and series come from: readers of recorded files, and a seeded generator.

Nothing is dropped silently. A reader returns what it accepted together with one finding for every row
it refused, repaired or doubts; a file that cannot be read at all raises `InputError`.
"""
