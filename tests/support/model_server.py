"""A server that speaks the protocols of OpenAI (and llama.cpp), Ollama and Bedrock.

It answers a question by calling `add` once, and then says what came back. It can be told to fail,
and to fall silent.
"""

import binascii
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOOL_INPUT = {"left": 1, "right": 2}


@dataclass
class ModelServer:
    """What the server was asked, and how it is to answer."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    #: Status codes of the next answers, in place of an answer.
    failures: list[tuple[int, str]] = field(default_factory=list)
    #: Answers come when this is set.
    may_answer: threading.Event = field(default_factory=threading.Event)
    is_asked: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving() -> Iterator[ModelServer]:
    """Serve on a free port of this machine."""
    state = ModelServer()
    state.may_answer.set()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    # Connections are kept, as real servers keep them: that is what binds a client to its loop.
    protocol_version = "HTTP/1.1"
    state: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.requests.append(body)
        self.state.headers.append(dict(self.headers))
        self.state.is_asked.set()
        if self.state.failures:
            self._fail(*self.state.failures.pop(0))
            return
        self.state.may_answer.wait(20)
        if self.path.endswith("/api/chat"):
            self._stream("application/x-ndjson", _encoded(_ollama(body)))
        elif self.path.endswith("/converse-stream"):
            self._stream("application/vnd.amazon.eventstream", _bedrock(body))
        else:
            self._stream("text/event-stream", _encoded(_openai(body)))

    def _fail(self, status: int, message: str) -> None:
        error = {"message": message, "type": "error", "code": None}
        text = json.dumps({"error": error, "message": message})
        self.send_response(status)
        # How AWS names an error; the others don't look.
        self.send_header("x-amzn-ErrorType", message.partition(":")[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _stream(self, media_type: str, parts: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for part in parts:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            # The client let go, which is what a test of stopping is about.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the port's name
        pass


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    return (line.encode() for line in lines)


def _tool_results(body: dict[str, Any]) -> list[str]:
    return [str(message["content"]) for message in body["messages"] if message["role"] == "tool"]


def _openai(body: dict[str, Any]) -> Iterator[str]:
    results = _tool_results(body)
    if results:
        deltas: list[dict[str, Any]] = [{"content": "The tool "}, {"content": "answered."}]
        reason = "stop"
    else:
        arguments = json.dumps(TOOL_INPUT)
        # The same id in every answer, as some servers count.
        start = {"name": "add", "arguments": arguments[:5]}
        deltas = [
            {"tool_calls": [{"index": 0, "id": "call_0", "type": "function", "function": start}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": arguments[5:]}}]},
        ]
        reason = "tool_calls"
    for delta in deltas:
        yield _sse([{"index": 0, "delta": delta, "finish_reason": None}])
    yield _sse([{"index": 0, "delta": {}, "finish_reason": reason}])
    yield _sse([], usage={"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25})
    yield "data: [DONE]\n\n"


def _sse(choices: list[dict[str, Any]], **more: object) -> str:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**chunk, 'choices': choices, **more})}\n\n"


def _ollama(body: dict[str, Any]) -> Iterator[str]:
    head = {"model": body["model"], "created_at": "2026-01-31T08:30:00Z"}
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    if _tool_results(body):
        for text in ("The tool ", "answered."):
            yield json.dumps({**head, "message": {**message, "content": text}}) + "\n"
    else:
        call = {"function": {"name": "add", "arguments": TOOL_INPUT}}
        yield json.dumps({**head, "message": {**message, "tool_calls": [call]}}) + "\n"
    end = {"done": True, "done_reason": "stop", "total_duration": 3_000_000}
    counts = {"prompt_eval_count": 20, "eval_count": 5}
    yield json.dumps({**head, "message": message, **end, **counts}) + "\n"


def _bedrock(body: dict[str, Any]) -> Iterator[bytes]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    yield _frame("messageStart", {"role": "assistant"})
    if any("toolResult" in block for block in blocks):
        for text in ("The tool ", "answered."):
            delta: dict[str, Any] = {"text": text}
            yield _frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})
        reason = "end_turn"
    else:
        start = {"toolUse": {"toolUseId": "tooluse_1", "name": "add"}}
        yield _frame("contentBlockStart", {"contentBlockIndex": 0, "start": start})
        delta = {"toolUse": {"input": json.dumps(TOOL_INPUT)}}
        yield _frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})
        reason = "tool_use"
    yield _frame("contentBlockStop", {"contentBlockIndex": 0})
    yield _frame("messageStop", {"stopReason": reason})
    usage = {"inputTokens": 20, "outputTokens": 5, "totalTokens": 125, "cacheReadInputTokens": 100}
    yield _frame("metadata", {"usage": usage, "metrics": {"latencyMs": 7}})


def _frame(event: str, payload: dict[str, Any]) -> bytes:
    """Encode one event of an AWS event stream: lengths, headers, payload, and two checksums."""
    names = {
        ":event-type": event,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    headers = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + b"\x07"
        + struct.pack("!H", len(value))
        + value.encode()
        for name, value in names.items()
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack("!II", len(headers) + len(data) + 16, len(headers))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + data
    return message + struct.pack("!I", binascii.crc32(message))
