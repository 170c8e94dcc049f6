"""The environment that the stack's processes get."""

from local.environment import without_aws, without_proxies

USERS = {
    "PATH": "/bin",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "work",
    "AWS_ENDPOINT_URL": "https://elsewhere",
    "HTTPS_PROXY": "http://proxy:3128",
    "no_proxy": "intranet",
}


def test_nothing_of_the_users_aws_gets_through() -> None:
    environ = without_aws(USERS)

    assert environ["AWS_ACCESS_KEY_ID"] == "test"
    assert not {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"} & environ.keys()
    assert environ["AWS_EC2_METADATA_DISABLED"] == "true"


def test_the_rest_is_kept_and_loopback_goes_past_the_proxy() -> None:
    environ = without_aws(USERS)

    assert environ["PATH"] == "/bin"
    assert environ["HTTPS_PROXY"] == "http://proxy:3128"
    assert environ["NO_PROXY"] == environ["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_proxies_are_left_out_however_they_are_spelled() -> None:
    environ = {"HTTP_PROXY": "a", "https_proxy": "b", "ALL_PROXY": "c", "NO_PROXY": "d"}

    assert without_proxies(environ) == {"NO_PROXY": "d"}
