"""Properties of the suite, with a fuzzer to choose what hypothesis draws.

hypothesis alone draws at random. Here the bytes that it draws from come from a fuzzer, which
keeps those that reach new code of ours and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.translate.test_histories import (
    test_a_spoilt_request_is_refused_or_carried,
    test_no_history_makes_a_request_that_a_strict_service_refuses,
)
from tests.translate.test_openai_params import (
    test_any_request_by_openais_types_is_carried_or_refused,
)
from tests.translate.test_schema_drawn import (
    test_what_was_valid_stays_valid,
)
from tests.translate.test_shortcut import (
    test_a_stream_comes_out_the_same_with_and_without_shortcuts,
)
from tests.translate.test_stream_fuzz import test_any_stream_makes_a_stream_by_the_rules

_PROPERTIES: Final[dict[str, Any]] = {
    "drawn-histories": test_no_history_makes_a_request_that_a_strict_service_refuses,
    "drawn-requests": test_any_request_by_openais_types_is_carried_or_refused,
    "drawn-spoilt": test_a_spoilt_request_is_refused_or_carried,
    "drawn-schemas": test_what_was_valid_stays_valid,
    "drawn-shortcuts": test_a_stream_comes_out_the_same_with_and_without_shortcuts,
    "drawn-streams": test_any_stream_makes_a_stream_by_the_rules,
}

DRAWN: Final[dict[str, Callable[[bytes], Any]]] = {
    name: test.hypothesis.fuzz_one_input for name, test in _PROPERTIES.items()
}
"""Each takes the bytes to draw from; it raises what the property raises."""
