"""Golden samples travel with a model: what goes in, and what must come out on any engine.

A golden set is a folder with `golden.json` and the tensors beside it as `.npy` files:

    {"schema": "appliance-golden/1",
     "tolerance": {"absolute": 0.01, "relative": 0.01},
     "tolerances": {"boxes": {"absolute": 2.0, "relative": 0.0}, "logits": {"top_k": 5, "agreement": 0.8}},
     "samples": [{"name": "scratch-1",
                  "inputs": {"image": "scratch-1.image.npy"},
                  "outputs": {"scores": {"datatype": "FP32", "shape": [1, 2], "data": [0.98, 0.02]}}}]}

or, for a text model, samples such as

    {"name": "hot-motor", "prompt": "Motor is hot", "max_tokens": 40, "text": null, "pattern": "(?i)bearing"}
    {"name": "greeting", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8, "text": "Hello."}

Schema, limits and messages: `document`. On a box the files are blobs, so reading takes a mapping from the
name in the document to where the file lies.
"""

from runtimes.golden.reading import load_golden, load_golden_folder
from runtimes.golden.samples import GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.golden.writing import write_golden

__all__ = [
    "GoldenSet",
    "TensorSample",
    "TextSample",
    "Tolerance",
    "load_golden",
    "load_golden_folder",
    "write_golden",
]
