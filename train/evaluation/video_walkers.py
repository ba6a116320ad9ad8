"""People who are enrolled and people who walk past, made of videos, as :mod:`.walkers` of photos.

A person with two videos or more can be enrolled, from one of them; each other video is a walk. The
kiosk decides at each frame of a second, so the score of a walk is the highest among its running
means, from the first at which the kiosk may decide. The kiosk's margin and agreement, which refuse
few strangers, are left out here; :mod:`.walks` has them.
"""

from typing import Final

import numpy as np

from kiosk.config.keys import DecisionSection
from train.evaluation.video_scores import WalkTables
from train.evaluation.videos import Half, half_of
from train.evaluation.walkers import WalkScores
from train.metrics import Ints

SOURCE: Final = "videos"
_SEED: Final = 0


def score_video_walks(tables: WalkTables, half: Half) -> WalkScores:
    """Score the walks of one half of the people for all of them who can be enrolled.

    Args:
        tables: Scores of every video for every video.
        half: Which people.
    """
    inside = np.flatnonzero([half in ("all", half_of(str(one))) for one in tables.people])
    templates = _choose_templates(tables, inside)
    walks = np.setdiff1d(inside, templates)
    names, people = np.unique(tables.people[walks], return_inverse=True)
    del names
    highest = tables.means[DecisionSection().votes_min - 1 :].max(axis=0)[np.ix_(walks, templates)]
    own = tables.people[walks][:, None] == tables.people[templates][None]
    mated = np.where(own, highest, -np.inf).max(axis=1, initial=-np.inf)
    return WalkScores(
        np.where(own, -np.inf, highest).astype(np.float32),
        mated.astype(np.float32),
        people.astype(np.int64),
        np.full(len(walks), SOURCE),
        np.full(len(templates), SOURCE),
    )


def _choose_templates(tables: WalkTables, inside: Ints) -> Ints:
    """Draw the video that enrols each person with two or more, always the same."""
    rng = np.random.default_rng(_SEED)
    people = tables.people[inside]
    chosen = [
        int(rng.choice(inside[people == person]))
        for person in np.unique(people)
        if np.sum(people == person) > 1
    ]
    return np.array(chosen, np.int64)
