"""The real `openai` package, unchanged, against the gateway over loopback TCP."""

from collections.abc import Iterator

import httpx2
import openai
import pytest

from tests.gateway.conftest import PATIENCE, WORDS, Serving

TEXT = "".join(WORDS)


@pytest.fixture
def client(serving: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{serving.url}/v1", api_key="none", max_retries=0, timeout=PATIENCE
    ) as client:
        yield client


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert listed["words"].owned_by == "appliance"
    assert client.models.retrieve("words").created == 2


def test_a_chat_is_answered_with_text_reason_and_usage(client: openai.OpenAI, serving: Serving) -> None:
    answer = client.chat.completions.create(
        model="words",
        messages=[
            {"role": "developer", "content": "Be short."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "now?"}],
            },
        ],
        max_completion_tokens=50,
        temperature=0,
        top_p=0.5,
        seed=7,
        stop=["END"],
        user="line-4",
    )
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        7,
        5,
        12,
    )
    asked = serving.router.asked[0]
    assert [(m.role, m.content) for m in asked.messages] == [("system", "Be short."), ("user", "What now?")]
    assert (asked.max_tokens, asked.temperature, asked.top_p) == (50, 0, 0.5)
    assert (asked.seed, asked.stop) == (7, ("END",))
    assert serving.router.told_of("words").tokens == 5


def test_a_streamed_chat_comes_in_pieces_and_ends_with_its_usage(
    client: openai.OpenAI, serving: Serving
) -> None:
    stream = client.chat.completions.create(
        model="words",
        messages=[{"role": "user", "content": "What now?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert [text for text in texts if text] == list(WORDS)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 12
    assert len({chunk.id for chunk in chunks}) == 1
    told = serving.router.told_of("words")
    assert (told.cause, told.tokens) == (None, 5)


def test_the_packages_own_stream_helper_puts_the_message_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="words", messages=[{"role": "user", "content": "What now?"}]
    ) as stream:
        assert stream.get_final_completion().choices[0].message.content == TEXT


def test_a_text_is_continued_whole_and_streamed(client: openai.OpenAI, serving: Serving) -> None:
    whole = client.completions.create(model="words", prompt="Report: ", stop="END")
    assert whole.choices[0].text == TEXT
    assert whole.object == "text_completion"
    streamed = client.completions.create(model="words", prompt=["Report: "], stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == TEXT
    assert [asked.prompt for asked in serving.router.asked] == ["Report: ", "Report: "]
    assert [asked.max_tokens for asked in serving.router.asked] == [16, 16]


def test_a_chat_that_names_no_length_may_fill_the_context_and_no_more(
    client: openai.OpenAI, serving: Serving
) -> None:
    for most in (openai.omit, 10**6):
        client.chat.completions.create(
            model="words", messages=[{"role": "user", "content": "hi"}], max_tokens=most
        )
    assert [asked.max_tokens for asked in serving.router.asked] == [512, 512]


async def test_the_asynchronous_client_works_as_well(serving: Serving) -> None:
    async with openai.AsyncOpenAI(base_url=f"{serving.url}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="words", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(texts) == TEXT


def test_the_unix_socket_works_with_the_packages_own_transport(serving: Serving) -> None:
    transport = httpx2.HTTPTransport(uds=str(serving.socket))
    with (
        httpx2.Client(transport=transport) as http,
        openai.OpenAI(base_url="http://box/v1", api_key="none", http_client=http) as client,
    ):
        assert client.models.retrieve("words").id == "words"


def test_an_unknown_model_raises_not_found_with_openais_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"


def test_a_tensor_model_asked_to_chat_says_where_it_can_be_asked(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="/v2/models/add/infer") as caught:
        client.chat.completions.create(model="add", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.param == "model"


def test_an_overfull_context_is_a_bad_request_with_openais_code_even_when_streamed(
    client: openai.OpenAI,
) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(
                model="failing-early", messages=[{"role": "user", "content": "hi"}], stream=stream
            )
        assert caught.value.code == "context_length_exceeded"


def test_a_worker_that_dies_in_mid_answer_raises_in_the_client(
    client: openai.OpenAI, serving: Serving
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="failing-late", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"]
    stream = client.chat.completions.create(
        model="failing-late", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    texts: list[str] = []
    with pytest.raises(openai.APIError, match="The worker died"):
        texts.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert serving.router.told_of("failing-late").cause == "worker.died"
