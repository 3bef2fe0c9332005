"""Connections to the upstream that are kept for the next request, and are closed under it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator

import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion
from tests.support.oracle import check_response
from tests.support.proxy import Setup
from tests.support.recorder import Recorder

KEY = "sk-the-only-key-that-there-is-0123456789"
BODY = json.dumps(completion("Hello")).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


async def once(reader: StreamReader, writer: StreamWriter) -> None:
    """Serves one request, and closes the connection as soon as another one has come on it."""
    with contextlib.suppress(EOFError, OSError):
        await request(reader)
        writer.write(ANSWER % (len(BODY), BODY))
        await request(reader)
    writer.close()


async def request(reader: StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-l"))
    await reader.readexactly(int(length.partition(b":")[2]))


@pytest.fixture
def weary_url() -> Iterator[str]:
    """The base URL of such an upstream."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(once, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_connection_that_is_closed_under_a_request_is_no_failure_of_the_account(
    weary_url: str, start_mitm: StartMitm, recorder: Recorder
) -> None:
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, weary_url)]))
    with recorder.client() as client:
        for _ in range(3):
            answer = client.post(
                f"{proxy.base_url}/responses", json={"model": MODEL, "input": "Hi"}
            )
            assert answer.status_code == 200, answer.text
            assert check_response(answer.json())["status"] == "completed"
            assert answer.headers["x-qwen-attempts"] == "1"
