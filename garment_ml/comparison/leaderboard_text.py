"""The leaderboard for a terminal, at most 110 columns wide."""

from textwrap import fill

from garment_ml.comparison.columns import text_table
from garment_ml.comparison.leaderboard import Leaderboard
from garment_ml.comparison.pairs import shown_pairs
from garment_ml.comparison.price import best_at_a_price
from garment_ml.tracking.run import TrackedRun

WIDTH = 110


def leaderboard_text(leaderboard: Leaderboard) -> str:
    """Scores and cost, their details, an ensemble's price, what was trained, pairs, and what was left out."""
    titles = (
        f"Ranked on {leaderboard.ranking_rule}. Accuracies and losses are means over n refits.",
        "Range over refits. 95 % intervals: validation over seeds (t), test over pictures (median, Wilson).",
        "Macro F1, mean over n refits. Frozen parameters, too. Milliseconds for a picture among 256.",
    )
    parts: list[str] = []
    for number, title in enumerate(titles, start=1):
        table = text_table(leaderboard.rows, number).to_string(line_width=WIDTH, sparsify=False)
        parts += [fill(title, WIDTH), table, ""]
    if price := best_at_a_price(leaderboard):
        parts += [*(fill(sentence, WIDTH) for sentence in price), ""]
    for row in leaderboard.rows:
        parts.append(fill(f"{row.rank}  {row.finalist.settings}", WIDTH, subsequent_indent="   "))
    if len(leaderboard.pairs):
        parts += [
            "",
            "Median refits on the same test pictures: accuracy of the first minus the second.",
            shown_pairs(leaderboard.pairs).to_string(index=False, line_width=WIDTH),
        ]
    if leaderboard.left_out:
        parts += ["", "Not compared:"]
        parts += [
            fill(
                f"{each.name} ({each.run_id}): {each.reason}",
                WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
            )
            for each in leaderboard.left_out
        ]
    return "\n".join(parts)


def page_of(run: TrackedRun) -> str:
    """Where the same is, as a page to look at and to pass on."""
    return f"The page: leaderboard/leaderboard.html of run {run.run_id} in {run.store.uri}"
