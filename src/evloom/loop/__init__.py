"""The closed loop: from what is seen to orders, one pure step at a time."""
