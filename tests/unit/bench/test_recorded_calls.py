from bench.recorded_calls import Call


def test_a_call_is_made_again_about_another_session_with_nothing_else_changed() -> None:
    item = {"PK": {"S": "session-1"}, "SK": {"S": "SESSION"}, "version": {"N": "1"}}
    arguments = {"TransactItems": [{"Put": {"Item": item}}], "payload": b'{"id": "session-1"}'}
    call = Call(None, "TransactWriteItems", arguments)

    again = call.with_session("session-1", "session-2")

    assert again.arguments == {
        "TransactItems": [{"Put": {"Item": item | {"PK": {"S": "session-2"}}}}],
        "payload": b'{"id": "session-2"}',
    }
    assert call.arguments["TransactItems"][0]["Put"]["Item"]["PK"] == {"S": "session-1"}


def test_a_repeated_transaction_is_a_new_request() -> None:
    call = Call(None, "TransactWriteItems", {"ClientRequestToken": "one"})

    again = call.with_session("session-1", "session-2")

    assert again.arguments["ClientRequestToken"] not in ("one", "")
