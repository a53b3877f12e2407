"""A conversation as the text that a model was trained to answer."""

from collections.abc import Sequence
from typing import Any

import jinja2
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from runtimes.adapters.llamavocabulary import Vocabulary
from runtimes.engine import Message
from runtimes.errors import EngineError

PLAIN = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
"""For models that bring no template: `role: content`, one message a line, ending with `assistant:`."""


class ChatTemplate:
    """The model's own template from its file (Jinja, run in a sandbox), or PLAIN where it has none."""

    def __init__(self, template: str | None, vocabulary: Vocabulary) -> None:
        self.from_model = template is not None
        self._vocabulary = vocabulary
        try:
            self._formatter = Jinja2ChatFormatter(
                template or PLAIN, eos_token=vocabulary.eos_text, bos_token=vocabulary.bos_text
            )
        except jinja2.TemplateError as error:
            raise EngineError(
                "model.invalid", f"The model's chat template is broken: {error}", remedy="Get the file again."
            ) from error

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt, without the BOS token that tokenising adds. Raises EngineError `request.messages`."""
        conversation: list[Any] = [{"role": m.role, "content": m.content} for m in messages]
        try:
            prompt = self._formatter(messages=conversation).prompt
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            raise EngineError(
                "request.messages", f"The model's chat template refuses these messages: {error}"
            ) from error
        if self._vocabulary.adds_bos and self._vocabulary.bos_text:
            prompt = prompt.removeprefix(self._vocabulary.bos_text)
        return str(prompt)
