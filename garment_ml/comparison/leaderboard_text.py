"""The leaderboard for a terminal, at most 110 columns wide."""

from textwrap import fill

from garment_ml.comparison.columns import text_table
from garment_ml.comparison.leaderboard import Leaderboard
from garment_ml.comparison.pairs import shown_pairs

WIDTH = 110


def leaderboard_text(leaderboard: Leaderboard) -> str:
    """Scores and cost, their details, what was trained, paired comparisons, and what was left out."""
    scores, details = (text_table(leaderboard.rows, detail) for detail in (False, True))
    parts = [
        f"Ranked on {leaderboard.ranked_on}. Accuracies and losses are means over n refits.",
        scores.to_string(line_width=WIDTH, sparsify=False),
        "",
        "Range over refits. 95 % intervals: validation over seeds (t), test over pictures (median, Wilson).",
        details.to_string(line_width=WIDTH, sparsify=False),
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
