"""The least a fire-and-forget agent can do: register a task, start a thread, answer.

The thread completes the task. Logs are set up as in the agent's own server.
"""

import contextvars
import os
import threading

from bedrock_agentcore.runtime import BedrockAgentCoreApp

from agent import logs

app = BedrockAgentCoreApp()


@app.entrypoint
def invoke(payload: dict[str, str]) -> dict[str, str]:
    """Answer at once."""
    task_id = app.add_async_task("run")
    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(app.complete_async_task, task_id),
        daemon=True,
    )
    thread.start()
    return {"status": "STARTED", "task_id": str(task_id)}


if __name__ == "__main__":
    logs.configure(debug=False)
    app.run(port=int(os.environ["PORT"]))
