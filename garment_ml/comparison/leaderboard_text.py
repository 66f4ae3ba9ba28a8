"""The leaderboard for a terminal, at most 110 columns wide."""

from __future__ import annotations

from textwrap import fill

from garment_ml.comparison.columns import text_table
from garment_ml.comparison.leaderboard import Leaderboard
from garment_ml.comparison.pairs import shown_pairs

WIDTH = 110


def leaderboard_text(leaderboard: Leaderboard) -> str:
    """All columns, what was trained, paired comparisons, and what was left out."""
    parts = [
        "Ranked on mean validation accuracy. Accuracies are means over refits, range is lowest to highest.",
        "95 % intervals of accuracy: validation over seeds (t), test over pictures (median refit, Wilson).",
        text_table(leaderboard.rows).to_string(line_width=WIDTH, sparsify=False),
        "",
        *(
            fill(f"{row.rank}  {row.finalist.settings}", WIDTH, subsequent_indent="   ")
            for row in leaderboard.rows
        ),
    ]
    if len(leaderboard.pairs):
        parts += [
            "",
            "Median refits on the same test pictures: accuracy of the first minus the second.",
            shown_pairs(leaderboard.pairs).to_string(index=False, line_width=WIDTH),
        ]
    if leaderboard.left_out:
        parts += ["", "Not compared:"]
        parts += [
            f"  {each.name} ({each.run_id[:8]}): {each.reason}"[:WIDTH] for each in leaderboard.left_out
        ]
    return "\n".join(parts)
