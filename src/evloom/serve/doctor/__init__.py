"""The battery doctor on the running platform: frames that are kept are looked at, warnings are kept, told, and obeyed at the piles."""
