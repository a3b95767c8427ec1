"""Real or generated? A quiz with two pictures a trial, of which one is real: two-alternative forced choice.

The protocol is that of CycleGAN's study (Zhu et al. 2017): ten practice trials with feedback, then forty scored ones
without. Sides are drawn evenly, no picture comes twice, and there is no time limit unless one is asked for. Answers
stay on this machine, one JSON a session; `export` makes a CSV of them for a class, `pool` counts the class.
"""

from gritlib.quiz.scores import CONSENT, Score, dprime_2afc, export, pool, table, wilson
from gritlib.quiz.session import Pair, Quiz, Trial, pairs_of

__all__ = ["CONSENT", "Pair", "Quiz", "Score", "Trial", "dprime_2afc", "export", "pairs_of", "pool", "table", "wilson"]
