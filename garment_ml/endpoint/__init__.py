"""Start a scoring server, ask it, stop it: what the gate and the operations need."""
