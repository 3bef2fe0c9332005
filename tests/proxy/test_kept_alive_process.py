"""Connections to the upstream that are kept for the next request, and are closed under it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion
from tests.support.oracle import check_response
from tests.support.proxy import Setup
from tests.support.recorder import Recorder

KEY = "sk-the-only-key-that-there-is-0123456789"
OTHER_KEY = "sk-the-key-of-an-account-out-of-reach-456"
BODY = json.dumps(completion("Hello")).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


async def once(reader: StreamReader, writer: StreamWriter) -> None:
    """Serves one request, and closes the connection as soon as another one has come on it."""
    await request(reader)
    writer.write(ANSWER % (len(BODY), BODY))
    await request(reader)


async def silent(reader: StreamReader, writer: StreamWriter) -> None:
    """Serves one request, and says nothing to the next."""
    await request(reader)
    writer.write(ANSWER % (len(BODY), BODY))
    await reader.read()


async def request(reader: StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-l"))
    await reader.readexactly(int(length.partition(b":")[2]))


@contextlib.contextmanager
def serving(answer: Callable[[StreamReader, StreamWriter], Awaitable[None]]) -> Iterator[str]:
    """The base URL of such an upstream."""

    async def answer_and_close(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with contextlib.suppress(EOFError, OSError):
                await answer(reader, writer)
        finally:
            writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer_and_close, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(_end(asyncio.all_tasks(loop)))
    loop.close()


async def _end(answering: set[asyncio.Task[None]]) -> None:
    for task in answering:
        task.cancel()
    await asyncio.gather(*answering, return_exceptions=True)
    await asyncio.sleep(0)  # a connection is closed one turn later


def test_a_connection_that_is_closed_under_a_request_is_no_failure_of_the_account(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    with serving(once) as url, recorder.client() as client:
        proxy = start_mitm(Setup(accounts=[api_key_account(KEY, url)]))
        for _ in range(3):
            answer = client.post(
                f"{proxy.base_url}/responses", json={"model": MODEL, "input": "Hi"}
            )
            assert answer.status_code == 200, answer.text
            assert check_response(answer.json())["status"] == "completed"
            assert answer.headers["x-qwen-attempts"] == "1"


def test_one_that_was_given_up_says_nothing_of_the_next_that_cannot_be_opened(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    with serving(silent) as url, recorder.client() as client:
        accounts = [
            api_key_account(KEY, url, priority=-1),
            api_key_account(OTHER_KEY, "http://127.0.0.1:1/v1"),
        ]
        options = {"qwen_first_byte_timeout_seconds": "1"}
        proxy = start_mitm(Setup(accounts=accounts, options=options))
        body = {"model": MODEL, "input": "Hi"}
        assert client.post(f"{proxy.base_url}/responses", json=body).status_code == 200
        refused = client.post(f"{proxy.base_url}/responses", json=body)
        assert refused.json()["error"]["code"] == "upstream_unreachable"
