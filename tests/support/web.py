"""What a person does in mitmweb, by the requests that its page makes: 11.0.2 to 12.x.

The address that mitmweb prints holds its token, where it wants one. Its requests that change
something carry the same token in a cookie and in a header (tornado's protection against requests
that other pages forge); which one does not matter, so it is made up here.
"""

from __future__ import annotations

import re
import time
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2

from tests.support.chat import Json
from tests.support.proxy import SAFETY_SECONDS, MitmProcess

_ANNOUNCED: Final = "Web server listening at"
_POLL_SECONDS: Final = 0.01
_XSRF: Final = "c0ffee"
_XSRF_COOKIES: Final = ("_xsrf", "_mitmproxy_xsrf")


class CommandRefused(Exception):
    """A command was not carried out; the message is what mitmweb shows."""


class WebInterface:
    """mitmweb's page of a running process. A context manager."""

    def __init__(self, proxy: MitmProcess) -> None:
        """``proxy`` must be a mitmweb that listens."""
        proxy.wait_for_log(_ANNOUNCED)
        told = re.search(rf"{_ANNOUNCED} (http://[^/\s]+)/(\S*)", proxy.log)
        assert told, f"no address:\n{proxy.log}"
        self._client = httpx2.Client(
            base_url=told[1],
            cookies=dict.fromkeys(_XSRF_COOKIES, _XSRF),
            trust_env=False,
            timeout=SAFETY_SECONDS,
        )
        self.get(f"/{told[2]}")

    def get(self, path: str) -> httpx2.Response:
        """The page, or what it asks for."""
        answer = self._client.get(path)
        assert answer.status_code == httpx2.codes.OK, answer.text
        return answer

    def view(self, flow: str, message: str, view: str) -> str:
        """How ``message`` (``request`` or ``response``) of the flow shows in the view."""
        shown = self.get(f"/flows/{flow}/{message}/content/{quote(view)}.json").json()
        if "text" in shown:
            return str(shown["text"])
        return "\n".join("".join(text for _, text in line) for line in shown["lines"])

    def wait_for_flow(self, flow: str) -> None:
        """Wait until the flow is in the list."""
        deadline = time.monotonic() + SAFETY_SECONDS
        while flow not in [each["id"] for each in self.get("/flows").json()]:
            assert time.monotonic() < deadline, f"there is no flow {flow}"
            time.sleep(_POLL_SECONDS)

    def options(self) -> dict[str, Json]:
        """All options by name, each with its ``value`` and its ``default``."""
        options: dict[str, Json] = self.get("/options").json()
        return options

    def set_options(self, **options: object) -> httpx2.Response:
        """Change options; where mitmproxy or an addon refuses, the answer says why."""
        headers = {"x-xsrftoken": _XSRF}
        return self._client.put("/options", json=options, headers=headers)

    def edit(self, flow: str, **messages: object) -> None:
        """Change the flow's ``request`` or ``response``: its ``content``, say."""
        headers = {"x-xsrftoken": _XSRF}
        answer = self._client.put(f"/flows/{flow}", json=messages, headers=headers)
        assert answer.status_code == httpx2.codes.OK, answer.text

    def replay(self, flow: str) -> None:
        """Send the flow's request once more."""
        headers = {"x-xsrftoken": _XSRF}
        answer = self._client.post(f"/flows/{flow}/replay", headers=headers)
        assert answer.status_code == httpx2.codes.OK, answer.text

    def command(self, name: str, *arguments: str) -> Any:
        """What a command gives. Raises CommandRefused."""
        headers = {"x-xsrftoken": _XSRF}
        asked = {"arguments": arguments}
        answer = self._client.post(f"/commands/{name}", json=asked, headers=headers)
        assert answer.status_code == httpx2.codes.OK, answer.text
        if "error" in answer.json():
            raise CommandRefused(answer.json()["error"])
        return answer.json()["value"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
