"""Starts the worker process under any pack's interpreter: `python -I bootstrap.py` and what `process` takes.

Imports the daemon's own `runtimes` package and adds nothing else to the path: whatever else the worker
imports comes from the environment of its runtime pack. Standard library only.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location


def adopt_runtimes() -> None:
    """Make `runtimes` the package that this file belongs to."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - starts sooner
    place = os.path.join(folder, "__init__.py")  # noqa: PTH118 - likewise
    spec = spec_from_file_location("runtimes", place, submodule_search_locations=[folder])
    assert spec is not None  # noqa: S101 - it is None for unknown suffixes only
    assert spec.loader is not None  # noqa: S101 - likewise
    sys.modules["runtimes"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["runtimes"])


if __name__ == "__main__":
    adopt_runtimes()
    from runtimes.worker.process import main

    main()
