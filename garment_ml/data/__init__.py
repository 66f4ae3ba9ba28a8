"""Where pictures come from, audit, and how they are split."""
