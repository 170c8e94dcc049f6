"""UniTok over HTTP: what it takes, what it refuses and why, and how a post is shown."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from local.unitok.app import build_app
from local.unitok.store import PostStore
from runs.json_types import Json

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
KEY = {"Idempotency-Key": "run/marketer-3-0"}


@pytest.fixture
def unitok(tmp_path: Path) -> Iterator[TestClient]:
    app = build_app(PostStore(tmp_path / "unitok.db"), clock=lambda: NOW)
    with TestClient(app, base_url="http://unitok.test") as client:
        yield client


def test_a_post_is_published_and_listed(unitok: TestClient) -> None:
    answer = unitok.post("/posts", json={"content": "Hello", "unicorn_color": "pink"})

    assert answer.status_code == 201
    assert answer.headers["location"] == "http://unitok.test/posts/1"
    assert answer.json() == {
        "id": "1",
        "url": "http://unitok.test/posts/1",
        "content": "Hello",
        "author": "Unicorn Rentals",
        "unicorn_color": "pink",
        "image_url": None,
        "published_at": "2026-03-01T12:30:00.000Z",
    }
    assert unitok.get("/posts").json() == {"posts": [answer.json()]}
    assert unitok.get("/posts/1").json() == answer.json()


def test_the_same_key_and_post_is_published_once(unitok: TestClient) -> None:
    first = unitok.post("/posts", json={"content": "Hello"}, headers=KEY)
    again = unitok.post(
        "/posts", json={"unicorn_color": "rainbow", "content": "Hello"}, headers=KEY
    )

    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert len(unitok.get("/posts").json()["posts"]) == 1


def test_the_same_key_and_another_post_is_refused(unitok: TestClient) -> None:
    unitok.post("/posts", json={"content": "Hello"}, headers=KEY)

    answer = unitok.post("/posts", json={"content": "Goodbye"}, headers=KEY)

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert "'run/marketer-3-0', with which another post" in answer.json()["error"]["message"]
    assert [each["content"] for each in unitok.get("/posts").json()["posts"]] == ["Hello"]


def test_the_same_key_at_the_same_time_is_published_once(unitok: TestClient) -> None:
    def publish(_: int) -> str:
        return str(unitok.post("/posts", json={"content": "Hello"}, headers=KEY).json()["id"])

    with ThreadPoolExecutor(8) as pool:
        numbers = set(pool.map(publish, range(16)))

    assert numbers == {"1"}
    assert len(unitok.get("/posts").json()["posts"]) == 1


def test_a_post_is_found_by_its_key(unitok: TestClient) -> None:
    published = unitok.post("/posts", json={"content": "Hello"}, headers=KEY).json()

    found = unitok.get("/posts", params={"idempotency_key": KEY["Idempotency-Key"]})
    other = unitok.get("/posts", params={"idempotency_key": "another"})

    assert found.json() == {"posts": [published]}
    assert other.json() == {"posts": []}


@pytest.mark.parametrize(
    ("post", "field", "message"),
    [
        (
            {"content": "x", "unicorn_color": "red"},
            "unicorn_color",
            "unicorn_color is 'red', expected one of: pink, blue, purple, green, yellow, rainbow",
        ),
        ({}, "content", "content is missing, expected a text"),
        ({"content": " \n"}, "content", "content is empty, expected a text"),
        ({"content": 3}, "content", "content is a number, expected a string"),
        ({"content": "a\u0000"}, "content", "content has the control character U+0000"),
        ({"content": "a\ud800"}, "content", "content has the control character U+D800"),
        ({"content": "x" * 200_001}, "content", "content has 200,001 characters, expected at"),
        ({"content": "x", "author": ""}, "author", "author is empty, expected a text"),
        (
            {"content": "x", "image_url": "javascript:alert(1)"},
            "image_url",
            "image_url is 'javascript:alert(1)', expected an http or https address",
        ),
        (
            {"content": "x", "colour": "pink"},
            "colour",
            "colour is no field of a post, expected: content, author, unicorn_color, image_url",
        ),
        ([], "the post", "the post is an array, expected an object"),
    ],
)
def test_a_post_that_is_none_is_refused_with_the_field(
    unitok: TestClient, post: Json, field: str, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = unitok.post("/posts", content=json.dumps(post), headers=headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, "invalid_post", field)
    assert error["message"].startswith(message)
    assert unitok.get("/posts").json() == {"posts": []}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        ("{", {"Content-Type": "application/json"}, 400),
        ("[" * 100_000, {"Content-Type": "application/json"}, 400),
        ('{"content": "x"}', {"Content-Type": "text/plain"}, 415),
        ('{"content": "x"}', {"Content-Type": "application/json", "Idempotency-Key": ""}, 400),
        (" " * 2_200_000, {"Content-Type": "application/json"}, 413),
    ],
)
def test_a_request_that_can_not_be_read_is_refused(
    unitok: TestClient, content: str, headers: dict[str, str], status: int
) -> None:
    answer = unitok.post("/posts", content=content, headers=headers)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "9" * 30, "٣"])
def test_a_post_that_is_not_there_is_said_so(unitok: TestClient, number: str) -> None:
    unitok.post("/posts", json={"content": "Hello"})

    assert unitok.get(f"/posts/{number}").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "before=x", "limit=²"])
def test_a_wrong_query_is_refused(unitok: TestClient, query: str) -> None:
    answer = unitok.get(f"/posts?{query}")

    assert answer.status_code == 400
    assert "expected a whole number" in answer.json()["error"]["message"]


def test_posts_come_latest_first_page_by_page(unitok: TestClient) -> None:
    for number in range(55):
        unitok.post("/posts", json={"content": f"post number {number}."})

    first, second = unitok.get("/").text, unitok.get("/?before=6").text

    assert first.index("post number 54.") < first.index("post number 5.")
    assert 'href="/?before=6"' in first
    assert "post number 4." in second
    assert "Older" not in second


def test_the_page_shows_what_a_post_holds_and_runs_none_of_it(unitok: TestClient) -> None:
    hostile = '<script>alert(1)</script> & "quotes" \u202e مرحبا 🦄'
    post = {"content": hostile, "author": "<b>me</b>", "image_url": 'https://x.test/a"onerror=b'}
    unitok.post("/posts", json=post)

    answer = unitok.get("/")

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;" in answer.text
    assert "<script" not in answer.text
    assert "<b>me" not in answer.text
    assert 'src="https://x.test/a&quot;onerror=b"' in answer.text
    assert "\u202e مرحبا 🦄" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert 'name="viewport" content="width=device-width' in answer.text


def test_a_hundred_kilobytes_are_shown_whole(unitok: TestClient) -> None:
    unitok.post("/posts", json={"content": "🦄" * 25_600})

    assert "🦄" * 25_600 in unitok.get("/").text


def test_without_posts_the_page_says_so(unitok: TestClient) -> None:
    assert "No posts yet." in unitok.get("/").text
    assert unitok.get("/health").json() == {"status": "ok"}


def test_posts_outlive_the_service(tmp_path: Path) -> None:
    listed = []
    for _ in range(2):
        app = build_app(PostStore(tmp_path / "unitok.db"))
        with TestClient(app) as client:
            client.post("/posts", json={"content": "Hello"}, headers=KEY)
            listed.append(client.get("/posts").json()["posts"])

    assert listed[0] == listed[1]
    assert len(listed[1]) == 1
