"""The quiz: an observer's sensitivity comes back, intervals cover what they promise, sides and methods are balanced, a
session that was left goes on, and a class is counted once."""

import csv
import itertools
import json
import math
from collections import Counter
from statistics import NormalDist

import pytest
import torch

from gritlib import quiz
from gritlib.methods import build
from gritlib.quiz import Pair, Quiz, dprime_2afc, export, pairs_of, pool, scores, table, wilson
from gritlib.quiz.session import schedule
from gritlib.training import checkpoint


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path / "home"))


def made_up(n: int, method: str = "m", start: int = 0) -> list[Pair]:
    """Pairs whose real picture is white and whose fake is black."""
    shade = torch.linspace(0.1, 0.9, n)
    return [Pair(s.expand(3, 16, 16), -s.expand(3, 16, 16), method, start + i) for i, s in enumerate(shade)]


def knows(asked: Quiz) -> str:
    """The answer of somebody who sees which of the two shown pictures is the white one."""
    first, second = asked.shown(asked.trial)
    return asked.words[int(second.mean() > first.mean())]


def run(asked: Quiz, observer=knows) -> Quiz:
    while asked.trial is not None:
        asked.answer(observer(asked))
    return asked


def test_the_formula_and_wilsons_interval():
    assert dprime_2afc(30, 40) == pytest.approx((0.954, 0.351, 1.515), abs=2e-3)
    assert dprime_2afc(20, 40)[0] == 0 and dprime_2afc(76025, 100000)[0] == pytest.approx(1.0, abs=1e-4)
    from scipy.stats import binomtest, norm

    for correct, total, level in ((3, 7, 0.95), (0, 12, 0.9), (40, 40, 0.95), (71, 100, 0.99)):
        theirs = binomtest(correct, total).proportion_ci(level, method="wilson")
        assert wilson(correct, total, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    d, low, high = dprime_2afc(71, 100, 0.99)
    assert [d, low, high] == pytest.approx([math.sqrt(2) * norm.ppf(x) for x in (0.71, *wilson(71, 100, 0.99))])


@pytest.mark.parametrize("total", [1, 10, 40])
def test_all_and_none_right_stay_finite_and_mirror_each_other(total):
    best, worst = dprime_2afc(total, total), dprime_2afc(0, total)
    end = math.sqrt(2) * NormalDist().inv_cdf(1 - 0.5 / total)
    assert best[0] == best[2] == pytest.approx(end) and best[1] <= best[0]
    assert best == pytest.approx([-x for x in (worst[0], worst[2], worst[1])])
    every = [dprime_2afc(k, total) for k in range(total + 1)]
    assert all(a[i] <= b[i] for a, b in itertools.pairwise(every) for i in range(3))


@pytest.mark.parametrize("total", [20, 40, 200])
def test_the_interval_covers_what_it_promises(total):
    """Exact: the chance of the counts whose interval holds the true d'."""
    covered = []
    for true in (0.0, 0.3, 0.6, 1.0, 1.4, 1.8, 2.2):
        p = NormalDist().cdf(true / math.sqrt(2))
        chances = [math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(total + 1)]
        hits = [low <= true <= high for _, low, high in (dprime_2afc(k, total) for k in range(total + 1))]
        covered.append(sum(c for c, hit in zip(chances, hits, strict=True) if hit))
    assert min(covered) > 0.91 and 0.94 < sum(covered) / len(covered) < 0.97


@pytest.mark.parametrize("bad", [(5, 4), (-1, 4), (0, 0)])
def test_impossible_counts_are_refused(bad):
    with pytest.raises(ValueError, match=f"{bad[0]} right of {bad[1]}"):
        dprime_2afc(*bad)
    with pytest.raises(ValueError, match="level 1: choose"):
        dprime_2afc(1, 2, 1)


def test_an_observer_with_known_sensitivity_gets_it_back(tmp_path):
    true, generator = 1.2, torch.Generator().manual_seed(5)

    def observer(asked):
        evidence = torch.randn(2, generator=generator)
        evidence[asked.words.index(knows(asked))] += true
        return asked.words[int(evidence.argmax())]

    for i in range(30):
        run(Quiz(made_up(50), folder=tmp_path, seed=i), observer)
    score = pool([export(tmp_path / "class.csv", True, sorted(tmp_path.glob("*.json")))])["m"]
    assert (score.total, score.sessions) == (1200, 30)
    assert score.low < true < score.high and score.high - score.low < 0.3
    assert score.people_low < true < score.people_high, "thirty equal people spread as answers do"
    assert score.people_high - score.people_low == pytest.approx(score.high - score.low, rel=0.4)


def test_people_who_differ_widen_the_interval_over_people(tmp_path):
    for i in range(8):
        run(Quiz(made_up(50), folder=tmp_path, seed=i), (lambda asked: asked.words[0]) if i % 2 else knows)
    score = pool([export(tmp_path / "a.csv", True, tmp_path.glob("*.json"))])["m"]
    assert score.correct == 4 * 40 + 4 * 20
    assert score.people_high - score.people_low > 2 * (score.high - score.low)


def test_sides_and_methods_are_balanced_and_no_pair_comes_twice():
    methods = ["a"] * 30 + ["b"] * 20 + ["c"] * 40
    for seed in range(5):
        order = schedule(methods, 9, 36, seed)
        assert len({pair for pair, _ in order}) == len(order) == 45
        for phase, each in ((order[:9], 3), (order[9:], 12)):
            assert Counter(methods[pair] for pair, _ in phase) == dict.fromkeys("abc", each)
            for name in "abc":
                first = sum(side == 0 for pair, side in phase if methods[pair] == name)
                assert first in ((6,) if each == 12 else (1, 2))
    orders = [schedule(methods, 9, 36, seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    odd = [sum(side for _, side in schedule(["a"] * 3, 0, 3, seed)) for seed in range(40)]
    assert set(odd) == {1, 2}, "the odd trial's side is drawn"


def test_the_real_picture_is_where_the_trial_says(tmp_path):
    for layout, words in (("beside", ("left", "right")), ("in turn", ("first", "second"))):
        asked = Quiz(made_up(50), layout=layout, folder=tmp_path)
        for trial in asked.trials:
            first, second = asked.shown(trial)
            assert (first.mean() > second.mean()) == (trial.real == words[0])
        assert {trial.real for trial in asked.trials} == set(words) == set(asked.words)


def test_practice_gives_feedback_and_scored_trials_do_not(tmp_path):
    asked = Quiz(made_up(12), practice=4, scored=8, folder=tmp_path)
    said = [asked.answer(knows(asked)) for _ in range(3)]
    wrong = next(word for word in asked.words if word != knows(asked))
    assert [*said, asked.answer(wrong)] == [True, True, True, False]
    assert [asked.answer(knows(asked)) for _ in range(8)] == [None] * 8
    assert asked.trial is None and asked.scores()["m"][:2] == (8, 8), "practice does not count"
    with pytest.raises(ValueError, match="all 12 trials are answered"):
        asked.answer("left")


def test_what_cannot_be_asked_is_refused(tmp_path):
    with pytest.raises(ValueError, match="10 practice and 40 scored trials with 49 pairs"):
        Quiz(made_up(49), folder=tmp_path)
    with pytest.raises(ValueError, match="layout 'above' is unknown: choose one of beside, in turn"):
        Quiz(made_up(50), layout="above", folder=tmp_path)
    with pytest.raises(ValueError, match="seconds = 0"):
        Quiz(made_up(50), seconds=0, folder=tmp_path)
    with pytest.raises(ValueError, match=r"pair 50 has pictures of \(3, 16, 16\) and \(3, 8, 8\)"):
        Quiz([*made_up(50), Pair(torch.zeros(3, 16, 16), torch.zeros(3, 8, 8))], folder=tmp_path)
    with pytest.raises(ValueError, match="answer 'Left': say left or right"):
        Quiz(made_up(50), folder=tmp_path).answer("Left")
    assert not list(tmp_path.iterdir())


def test_a_session_that_was_left_goes_on_where_it_was():
    first = Quiz(made_up(50))
    assert first.file.parent == scores.home() and not first.file.exists()
    given = [first.answer(knows(first)) for _ in range(13)]
    again = Quiz(made_up(50))
    assert (again.session, again.answers, again.trials) == (first.session, first.answers, first.trials)
    assert len(given) == 13 == again.trial.number - 1
    others = (
        Quiz(made_up(50), new=True),
        Quiz(made_up(50), scored=39),
        Quiz(made_up(50, "n")),
        Quiz(made_up(50)[::-1]),
        Quiz(made_up(50), seconds=1),
        Quiz(made_up(50), seed=first.seed + 1),
    )
    assert all(other.session != first.session and not other.answers for other in others)
    run(again)
    assert Quiz(made_up(50)).session != first.session, "a finished one stays as it is"
    assert not list(scores.home().glob("*.tmp")) and len(list(scores.home().iterdir())) == 1


def test_a_folder_that_cannot_be_written_costs_the_record_alone(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    asked = run(Quiz(made_up(3), 1, 2, folder=tmp_path / "file"))
    assert asked.scores()["m"].total == 2 and "answers are not kept" in capsys.readouterr().out
    broken = tmp_path / "broken"
    broken.mkdir()
    for i, text in enumerate(("", "[]", '{"session": 1}')):
        (broken / f"{i}.json").write_text(text)
    assert run(Quiz(made_up(3), 1, 2, folder=broken)).file.exists()


def test_the_stored_session_and_the_export_name_nobody(tmp_path):
    asked = run(Quiz(made_up(3, "grit"), 1, 2, seconds=0.5))
    stored = json.loads(asked.file.read_text())
    assert set(stored) == {"format", "session", "seed", "settings", "trials"}
    assert set(stored["trials"][0]) == {"trial", "phase", "method", "place", "real", "answer"}
    file = export(tmp_path / "answers.csv", consent=True)
    with open(file, newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == scores.COLUMNS
    assert [row["trial"] for row in rows] == ["2", "3"], "practice is not exported"
    assert {row["session"] for row in rows} == {asked.session} and rows[0]["seconds"] == "0.5"
    assert [row["answer"] for row in rows] == asked.answers[1:]


def test_nothing_is_exported_without_consent_or_before_the_end(tmp_path):
    asked = Quiz(made_up(3), 1, 2)
    asked.answer("left")
    for consent in (False, "yes", 1):
        with pytest.raises(ValueError, match="No name, no time, no address"):
            export(tmp_path / "a.csv", consent)
    with pytest.raises(ValueError, match="no finished session in"):
        export(tmp_path / "a.csv", True)
    with pytest.raises(ValueError, match="not a finished session"):
        export(tmp_path / "a.csv", True, [asked.file])
    with pytest.raises(ValueError, match=r"a\.txt: answers are exported as CSV"):
        export(tmp_path / "a.txt", True)
    assert not list(tmp_path.glob("a.*"))


def test_a_class_is_counted_once_and_by_method(tmp_path):
    both = [*made_up(6, "a"), *made_up(6, "b", 6)]
    for i in range(3):
        asked = Quiz(both, 2, 10, seed=i, folder=tmp_path / str(i))
        run(asked, lambda asked: knows(asked) if asked.pairs[asked.trial.pair].method == "a" else asked.words[0])
        export(tmp_path / f"{i}.csv", True, [asked.file])
    files = [tmp_path / f"{i}.csv" for i in (0, 1, 2)]
    pooled = pool(files)
    assert pooled["a"][:2] == (15, 15) and pooled["b"].total == 15 and pooled["a"].sessions == 3
    assert pool([*files, files[0]]) == pooled and pooled["a"].people_low is None
    files[1].write_text("\ufeff" + files[1].read_text(encoding="utf-8"), encoding="utf-8")
    assert pool(files) == pooled, "as a spreadsheet saves it"
    said = table(pooled)
    low, high = wilson(15, 15)
    assert f"| a | 15 of 15 | 0% ({1 - high:.0%} to {1 - low:.0%}) |" in said and scores.NOTE in said


def test_files_that_are_no_export_are_named(tmp_path):
    with pytest.raises(ValueError, match="no answers"):
        pool([])
    asked = run(Quiz(made_up(3), 1, 2))
    good = export(tmp_path / "good.csv", True)
    text = good.read_text()
    bad = tmp_path / "bad.csv"
    word = asked.answers[-1]
    other = "right" if word == "left" else "left"
    for changed, message in (
        ("a,b\n1,2\n", "has columns"),
        (text[: text.rindex(word)] + "middle\n", "line 3: .*answer 'middle' is nothing that the quiz writes"),
        (text[: text.rindex(word)] + other + "\n", "line 3: trial 3 of session .* has another answer elsewhere"),
    ):
        bad.write_text(changed)
        with pytest.raises(ValueError, match=message):
            pool([good, bad])


def test_pairs_come_from_a_run_folder_and_from_a_method(tmp_path):
    config = {"in_channels": 19, "out_channels": 3, "width": 4, "depth": 2, "d_width": 4}
    method = build("grit", config).eval()
    source = {"name": "faces", "size": 64, "options": {"n": 12}}
    checkpoint.save(
        {"method": "grit", "config": config, "source": source, "state": method.state_dict(), "averaged": {}},
        tmp_path / "mine" / "checkpoint.pt",
    )
    pairs = pairs_of(tmp_path / "mine", 5)
    test = quiz.session.load(source, "test")
    assert [pair.place for pair in pairs] == [0, 2, 5, 8, 11] and {pair.method for pair in pairs} == {"mine"}
    assert all(torch.equal(pair.real, test.batch([pair.place])["B"][0]) for pair in pairs)
    for style in ("random", "mean", "truth"):
        again = pairs_of(method, 5, style, source=test, name="mine")
        assert all(torch.equal(a.fake, b.fake) for a, b in zip(again, pairs, strict=True)) == (style == "random")
    lent = pairs_of(method, 5, source=test, train=quiz.session.load(source, "val"))
    assert not any(torch.equal(a.fake, b.fake) for a, b in zip(lent, pairs, strict=True))
    with pytest.raises(ValueError, match=r"grit does not say what it was trained on: give source="):
        pairs_of(method, 5)
    with pytest.raises(ValueError, match="13 pairs, and faces/test has 12 places"):
        pairs_of(method, 13, source=test)
    with pytest.raises(ValueError, match="style 'best' is unknown"):
        pairs_of(method, 5, "best", source=test)
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        pairs_of(tmp_path / "nowhere", 5)


def test_shipped_weights_find_their_dataset():
    pairs = pairs_of("spade-grove", 2, style="truth")
    assert {pair.method for pair in pairs} == {"spade-grove"} and pairs[0].fake.shape == (3, 64, 64)
    near, far = ((pairs[0].real - pair.fake).abs().mean() for pair in pairs)
    assert near < far, "the generated picture is one of this place"
