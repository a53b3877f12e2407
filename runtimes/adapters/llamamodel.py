"""A GGUF model loaded by llama.cpp."""

import ctypes
import secrets
from collections.abc import Generator, Sequence
from typing import Any

import llama_cpp

from runtimes.adapters.chattemplate import ChatTemplate
from runtimes.adapters.llamabackends import free_memory
from runtimes.adapters.llamalog import EngineLog
from runtimes.adapters.llamavocabulary import Vocabulary
from runtimes.adapters.textstream import TextStream
from runtimes.engine import Candidate, GenerationChunk, GenerationRequest, InForce, ModelFile
from runtimes.errors import EngineError

_LONGEST_TEMPLATE = 1 << 20


class LlamaModel:
    """A loaded model; fulfils TextModel. One generation at a time, each from an empty context."""

    def __init__(
        self,
        model: ModelFile,
        candidate: Candidate,
        offload: Sequence[int],
        log: EngineLog,
        cpu_backend: str,
    ) -> None:
        free = [free_memory(device) for device in offload]
        self._log = log  # llama.cpp calls into it until the model is freed
        self._model = _load(model, offload, log)
        trained = llama_cpp.llama_model_n_ctx_train(self._model)
        self.context_tokens = min(int(candidate.options.get("context", trained)), trained)
        self._batch = min(int(candidate.options.get("batch", 512)), self.context_tokens)
        self._context = self._make_context(candidate, bool(offload), log)
        self._vocabulary = Vocabulary(self._model)
        self._chat = ChatTemplate(self._metadata("tokenizer.chat_template"), self._vocabulary)
        self.in_force = InForce(
            device=candidate.device,
            precision="stored",
            threads=llama_cpp.llama_n_threads(self._context),
            details={
                "weights": self._description(),
                "context": str(llama_cpp.llama_n_ctx(self._context)),
                **({"device memory": _taken(free, offload)} if offload else {}),
                "CPU backend": cpu_backend,
                "system": llama_cpp.llama_print_system_info().decode().strip(" |"),
                "chat template": "the model's own" if self._chat.from_model else "plain",
            },
        )

    def generate(self, request: GenerationRequest) -> Generator[GenerationChunk, None, None]:
        """Yield text as it is made, empty chunks as signs of life; closing the generator cancels.

        Temperature 0 takes the likeliest token always; nothing penalises repetition. Without a seed,
        a random one is drawn. An empty prompt is the BOS token, which then counts as the first token made.

        Raises EngineError: `context.overflow`, `request.messages`, `request.failed`.
        """
        prompt = self._prompt(request)
        room = self.context_tokens - len(prompt)
        if room <= 0:
            raise EngineError(
                "context.overflow",
                f"The prompt has {len(prompt)} tokens, the model's context {self.context_tokens} with its answer.",
                remedy="Shorten the prompt or the conversation.",
            )
        sampler = _sampler(request)
        try:
            yield from self._continue(prompt, min(request.max_tokens, room), request.stop, sampler)
        finally:
            llama_cpp.llama_sampler_free(sampler)

    def close(self) -> None:
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def _prompt(self, request: GenerationRequest) -> list[int]:
        text = self._chat.render(request.messages) if request.messages else request.prompt or ""
        return self._vocabulary.tokens(text)

    def _continue(
        self, prompt: list[int], most: int, stop: Sequence[str], sampler: Any
    ) -> Generator[GenerationChunk, None, None]:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)  # noqa: FBT003 - C API
        for start in range(0, len(prompt), self._batch):
            self._decode(prompt[start : start + self._batch])
            yield GenerationChunk("")
        text = TextStream(stop)
        after_bos = self._vocabulary.is_bos_alone(prompt)
        asked, made = (0, 1) if after_bos else (len(prompt), 0)
        reason = "length"
        certain = ""
        while made < most:
            token = llama_cpp.llama_sampler_sample(sampler, self._context, -1)
            if self._vocabulary.ends_generation(token):
                reason = "stop"
                break
            piece = self._vocabulary.piece(token, after_bos=after_bos)
            after_bos = False
            made += 1
            certain = text.feed(piece)
            if text.stopped:
                break
            yield GenerationChunk(certain)
            certain = ""
            if made < most:
                self._decode([token])
        rest = certain + text.finish()
        yield GenerationChunk(rest, "stop" if text.stopped else reason, asked, made)

    def _decode(self, tokens: list[int]) -> None:
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        result = llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(array, len(tokens)))
        if result != 0:
            raise EngineError(
                "request.failed", f"llama.cpp could not compute the next token (code {result})."
            )

    def _make_context(self, candidate: Candidate, offload: bool, log: EngineLog) -> int:  # noqa: FBT001
        log.forget()
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = self.context_tokens
        settings.n_batch = settings.n_ubatch = self._batch
        settings.n_seq_max = 1
        settings.n_threads = settings.n_threads_batch = candidate.threads
        settings.offload_kqv = settings.op_offload = offload
        # Its rounding differs from build to build, and greedy answers with it.
        settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.no_perf = True
        context = llama_cpp.llama_init_from_model(self._model, settings)
        if not context:
            llama_cpp.llama_model_free(self._model)
            raise EngineError(
                "worker.out-of-memory",
                f"llama.cpp cannot make a context of {self.context_tokens} tokens: {log.first_error}",
                remedy="Give the deployment more memory, or a smaller context.",
            )
        return int(context)

    def _metadata(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(_LONGEST_TEMPLATE)
        length = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return None if length < 0 else buffer.value.decode(errors="replace")

    def _description(self) -> str:
        buffer = ctypes.create_string_buffer(256)
        llama_cpp.llama_model_desc(self._model, buffer, len(buffer))
        return buffer.value.decode(errors="replace")


def _taken(before: Sequence[int], devices: Sequence[int]) -> str:
    """What loading took of the devices' own memory, by their word."""
    taken = sum(before) - sum(free_memory(device) for device in devices)
    return f"{taken / 2**20:,.0f} MiB"


def _load(model: ModelFile, offload: Sequence[int], log: EngineLog) -> int:
    log.forget()
    settings = llama_cpp.llama_model_default_params()
    settings.n_gpu_layers = -1 if offload else 0
    devices = (ctypes.c_void_p * (len(offload) + 1))(*offload, None)
    settings.devices = ctypes.cast(devices, ctypes.c_void_p)
    loaded = llama_cpp.llama_model_load_from_file(str(model.path).encode(), settings)
    if not loaded:
        raise EngineError(
            "model.invalid",
            f"llama.cpp cannot load {model.path.name}: {log.first_error or 'it gives no reason'}.",
            remedy="Get the file again; it is damaged or of a kind that this version does not know.",
        )
    return int(loaded)


def _sampler(request: GenerationRequest) -> Any:
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    if request.temperature <= 0:
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_greedy())
        return chain
    seed = secrets.randbits(32) if request.seed is None else request.seed & 0xFFFFFFFF
    for link in (
        llama_cpp.llama_sampler_init_top_p(request.top_p, 1),
        llama_cpp.llama_sampler_init_temp(request.temperature),
        llama_cpp.llama_sampler_init_dist(seed),
    ):
        llama_cpp.llama_sampler_chain_add(chain, link)
    return chain
