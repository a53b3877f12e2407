"""Text to tokens and tokens to bytes, as one GGUF model does it."""

import ctypes

import llama_cpp

from runtimes.errors import EngineError

_LONGEST_PIECE = 256


class Vocabulary:
    def __init__(self, model: int) -> None:
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self._buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
        self._space_prefix = llama_cpp.llama_vocab_type(self._vocab) == llama_cpp.LLAMA_VOCAB_TYPE_SPM
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        self.bos = llama_cpp.llama_vocab_bos(self._vocab)
        self.bos_text = self.text_of(self.bos)
        self.eos_text = self.text_of(llama_cpp.llama_vocab_eos(self._vocab))

    def tokens(self, text: str) -> list[int]:
        """Tokens of `text`, special ones recognised, behind BOS where the model wants it.

        A model can continue nothing but something: an empty text is the BOS token alone.
        """
        raw = text.encode()
        room = len(raw) + 2
        while True:
            array = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), array, room, True, True)  # noqa: FBT003
            if count >= 0:
                break
            room = -count
        if count == 0 and self.bos < 0:
            raise EngineError(
                "request.prompt-empty", "The model has no BOS token to start an empty prompt with."
            )
        return list(array[:count]) or [self.bos]

    def piece(self, token: int, *, after_bos: bool = False) -> bytes:
        """The token's bytes; special tokens have none. Directly after BOS, SentencePiece's space is left out."""
        return self._piece(token, special=False, lstrip=int(after_bos and self._space_prefix))

    def is_bos_alone(self, tokens: list[int]) -> bool:
        return tokens == [self.bos]

    def ends_generation(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def text_of(self, token: int) -> str:
        """How a special token is written; empty where the model has no such token."""
        return self._piece(token, special=True).decode(errors="replace") if token >= 0 else ""

    def _piece(self, token: int, *, special: bool, lstrip: int = 0) -> bytes:
        length = llama_cpp.llama_token_to_piece(
            self._vocab, token, self._buffer, len(self._buffer), lstrip, special
        )
        if length < 0:
            self._buffer = ctypes.create_string_buffer(-length)
            return self._piece(token, special=special, lstrip=lstrip)
        return self._buffer.raw[:length]
