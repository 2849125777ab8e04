"""Writes `calibration_table.json` with scikit-learn, which the tests do not need: `python calibration_table.py`.

Install scikit-learn in an environment of its own first; any version from 1.4 on gives the same numbers.
"""

import json
import random
from pathlib import Path


def write_table() -> None:
    """Write the scores and isotonic regressions of 24 random sets of forecasts."""
    import sklearn
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import brier_score_loss

    draw, cases = random.Random(2021), []
    for number in range(24):
        size, step = 2 + number * number // 4, draw.choice((1, 5, 10))
        percents = [draw.randrange(0, 101, step) for _ in range(size)]
        came_true = [int(draw.random() < 0.2 + 0.6 * percent / 100) for percent in percents]
        probabilities = [percent / 100 for percent in percents]
        cases.append(
            {
                "forecasts": list(zip(percents, came_true, strict=True)),
                "brier": float(brier_score_loss(came_true, probabilities, labels=[0, 1])),
                "isotonic": [float(each) for each in IsotonicRegression().fit_transform(probabilities, came_true)],
            }
        )
    table = {"scikit-learn": sklearn.__version__, "cases": cases}
    Path(__file__).with_suffix(".json").write_text(json.dumps(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_table()
