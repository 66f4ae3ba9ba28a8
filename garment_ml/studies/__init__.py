"""One approach on one data set: load, search, refits, and what makes two pieces of work the same."""
