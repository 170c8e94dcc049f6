"""A plugin of botocore that writes down every call a process makes, before it is sent.

It stands alone, so that its folder can be on the path of any process: nothing that is recorded
knows of it. `BOTOCORE_EXPERIMENTAL__PLUGINS=calls=errand_calls` has clients load it, and
`ERRAND_CALLS` names the file.
"""

import json
import os
from typing import Any


def initialize_client_plugin(client: Any) -> None:  # noqa: ANN401 - boto3 has no static types
    """Listen to a client's calls; botocore's name for it."""
    client.meta.events.register_first("before-parameter-build", _record)


def _record(params: Any, model: Any, **_: Any) -> None:  # noqa: ANN401 - as above
    call = {
        "service": model.service_model.service_name,
        "operation": model.name,
        "parameters": params,
    }
    line = f"{json.dumps(call, default=str)}\n".encode()
    # One write to a file that is appended to: processes that share it don't mix their lines.
    file = os.open(os.environ["ERRAND_CALLS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)
