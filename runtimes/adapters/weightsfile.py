"""The files that are most often taken for a model's weights."""

from pathlib import Path

from runtimes.errors import EngineError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def refuse_what_is_no_model(path: Path) -> None:
    """Raise EngineError `model.invalid` for an absent or empty file and for a git-LFS pointer."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_LFS_POINTER))
    except OSError as error:
        raise EngineError(
            "model.unreadable", f"{path} cannot be read: {error.strerror}.", remedy="Import the model again."
        ) from error
    if not start:
        raise EngineError("model.invalid", f"{path.name} is empty.", remedy="Get the file again.")
    if start == _LFS_POINTER:
        raise EngineError(
            "model.invalid",
            f"{path.name} is a git-LFS pointer, not the model itself.",
            remedy="Run `git lfs pull` where the model was packed, and pack it again.",
        )
