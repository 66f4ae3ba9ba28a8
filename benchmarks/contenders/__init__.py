"""What competes in same_budget: one file is one contender, run as a process of its own."""
