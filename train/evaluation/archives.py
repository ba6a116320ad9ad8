"""Read the archives that recognisers are evaluated on beside a crop set."""

from dataclasses import dataclass
from pathlib import Path

from train.evaluation.lfw import LfwPairs, read_lfw
from train.evaluation.turned import TurnedFaces, read_turned_faces
from train.evaluation.videos import Videos, read_videos


@dataclass(frozen=True, slots=True, eq=False)
class Archives:
    """What was read; what is absent is left out of the figures.

    Attributes:
        pairs: LFW's pairs, or ``None``.
        videos: Walks past a camera, for thresholds and figures, or ``None``.
        turned: The faces of the walks at each turn of the camera; empty without walks.
    """

    pairs: LfwPairs | None = None
    videos: Videos | None = None
    turned: tuple[TurnedFaces, ...] = ()


def read_archives(lfw: Path | None, walks: Path | None) -> Archives:
    """Read the archives, once for all recognisers.

    Args:
        lfw: LFW's archive; ``None`` leaves it out.
        walks: Archive of walks; ``None`` leaves them, and turned faces, out.

    Raises:
        DatasetError: An archive cannot be read.
    """
    return Archives(
        read_lfw(lfw) if lfw is not None else None,
        read_videos(walks) if walks is not None else None,
        read_turned_faces(walks) if walks is not None else (),
    )
