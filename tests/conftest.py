"""What every test shares: where the real models lie, and isolation from the user's own configuration."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")

SHARED_MODELS = Path(
    os.environ.get("APPLIANCE_SHARED_MODELS", Path(__file__).parents[2] / "shared" / "models")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED_MODELS.is_dir():
        return
    skip = pytest.mark.skip(
        reason=f"the real models are not here: {SHARED_MODELS} (set APPLIANCE_SHARED_MODELS)"
    )
    for item in items:
        if "shared_models" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def shared_models() -> Path:
    """Folder of the real models; tests that use it carry the `shared_models` marker."""
    return SHARED_MODELS
