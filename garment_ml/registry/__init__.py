"""Gate, promotion, rollback, moves, versions, model card."""
