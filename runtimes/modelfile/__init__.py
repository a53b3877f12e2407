"""What a model file is, by its content: its name is only a claim.

A model file comes from outside, so nothing here trusts it: GGUF headers are read with bounds, ONNX is parsed in
a short-lived process of its own, and what is neither is named for what it looks like.
"""

from runtimes.modelfile.facts import GgufFacts, ModelFacts, OnnxFacts
from runtimes.modelfile.recognition import describe, identify

__all__ = ["GgufFacts", "ModelFacts", "OnnxFacts", "describe", "identify"]
