"""Where a local stack keeps its files."""

from dataclasses import dataclass
from pathlib import Path

from runs.post import MAILBOX

#: The checkout (or the installed packages) this code is part of.
PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Home:
    """One local stack's folder. Two homes are two stacks that know nothing of each other."""

    root: Path
    #: What depends on the code only, so that every stack of a checkout shares it.
    tools: Path

    @classmethod
    def at(cls, root: Path) -> "Home":
        """Name the home in a folder, which need not exist yet."""
        root = root.resolve()
        is_checkout = (PROJECT / "pyproject.toml").is_file()
        return cls(root=root, tools=PROJECT / ".errand" if is_checkout else root)

    @property
    def state_file(self) -> Path:
        """What runs, and where to reach it."""
        return self.root / "stack.json"

    @property
    def lock_file(self) -> Path:
        """Held by whoever brings the stack up or down."""
        return self.root / "stack.lock"

    @property
    def link_keys(self) -> Path:
        """The keys that links to approvals are signed with; made by whoever first needs one."""
        return self.root / "link-keys"

    @property
    def webhook_secrets(self) -> Path:
        """The secrets that webhooks are signed with; receivers have them, too."""
        return self.root / "webhook-secrets"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def artifacts(self) -> Path:
        """What runs produced."""
        return self.root / "artifacts"

    @property
    def mailbox(self) -> Path:
        """What those who may decide were told, one mail per file; `down` leaves them."""
        return self.root / MAILBOX

    @property
    def unitok_data(self) -> Path:
        """What was published on the local UniTok; it is the world outside, so `down` leaves it."""
        return self.root / "unitok.db"

    @property
    def emulator_state(self) -> Path:
        """The emulator's tables, buckets and queues; kept by `down --keep`."""
        return self.root / "emulator-state"

    @property
    def kept_mark(self) -> Path:
        """Says that the emulator's state is whole: it was stopped in order, to be kept."""
        return self.emulator_state / "kept"

    @property
    def emulator_environment(self) -> Path:
        """The emulator's own virtual environment."""
        return self.tools / "emulator"

    @property
    def cache(self) -> Path:
        """Synthesised templates by content hash."""
        return self.tools / "cache"
