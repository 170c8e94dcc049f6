"""The files of a run, as one attempt puts them into the artifact store and finds them there."""

import hashlib
import threading

from runs.artifacts.base import ArtifactStore
from runs.artifacts.keys import artifact_key
from runs.errors import PayloadHashError, PayloadMissingError
from runs.run import Artifact, Run


class Files:
    """Puts and finds files by name. Safe to share by threads.

    What was put is never written over, by this attempt or by another: the head names the one of a
    name that counts. So a worker that was given up, and does not know it yet, spoils nothing; and
    one that dies after it put a file, and before the head names it, leaves the last one whole.
    """

    def __init__(self, store: ArtifactStore, run: Run, *, attempt: int) -> None:
        self._store = store
        self._session_id = run.session_id
        self._attempt = attempt
        self._lock = threading.Lock()
        #: Those that are on the head.
        self._named = {artifact.name: artifact for artifact in run.artifacts}
        #: What this take has put so far, by name.
        self._take, self._put = 1, dict[str, str]()

    def put(self, name: str, data: bytes, *, media_type: str) -> Artifact:
        """Put a file; the head does not name it yet.

        Files that are put one after the other are beside each other under their names, so that
        one may refer to another, until a name comes again with other content.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        key = artifact_key(
            self._session_id, name, attempt=self._attempt, take=self._take_for(name, sha256)
        )
        return Artifact(
            name=name,
            uri=self._store.put(key, data, media_type=media_type),
            media_type=media_type,
            size=len(data),
            sha256=sha256,
            key=key,
        )

    def name(self, artifact: Artifact) -> None:
        """Take a file that is on the head now for the one of its name."""
        with self._lock:
            self._named[artifact.name] = artifact

    def load(self, name: str) -> bytes:
        """Read the file of a name; see `Attempt.load`."""
        with self._lock:
            artifact = self._named.get(name)
        # Older versions did not record the key.
        key = (artifact and artifact.key) or artifact_key(self._session_id, name)
        if artifact is None:
            raise PayloadMissingError(key)
        data = self._store.get(key)
        actual = hashlib.sha256(data).hexdigest()
        if actual != artifact.sha256:
            raise PayloadHashError(key, expected=artifact.sha256, actual=actual)
        return data

    def _take_for(self, name: str, sha256: str) -> int:
        with self._lock:
            if self._put.get(name, sha256) != sha256:
                self._take, self._put = self._take + 1, {}
            self._put[name] = sha256
            return self._take
