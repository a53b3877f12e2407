"""A small language model that answers maintenance questions, with its own tokenizer; trained on a grammar."""
