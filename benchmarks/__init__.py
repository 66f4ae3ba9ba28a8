"""Speed, memory and accuracy, always as a comparison of two or more things measured in one run."""
