"""Holding an attempt to its run's budget: looked at before anything that costs, never after.

What a call will cost is known when it has returned, so a limit is passed by at most the calls that
were in flight when it was reached: one, or as many as there are branches and child runs at work.
"""

from dataclasses import replace

from agent.attempt import Attempt
from agent.errors import BudgetExceededError, UnknownPriceError
from agent.models.loaded import LoadedModel
from agent.models.prices import VARIABLE
from runs.budget import Budget, Used, reached
from runs.run import Run


def set_limits(attempt: Attempt, default: Budget) -> None:
    """Give the run the default limits it has none for; a child goes by its family's.

    Raises:
        LeaseLostError: The run is another's now; nothing was written.
        JournalUnavailableError: The journal did not answer for half the lease's time.
    """
    run = attempt.run
    if run.root_session_id is None and run.budget.or_else(default) != run.budget:
        attempt.raise_budget(run.budget.or_else(default))


def check_call(attempt: Attempt, loaded: LoadedModel, *, agent: str) -> None:
    """Refuse a model call that the budget does not cover. Reads one head if there are limits.

    Raises:
        BudgetExceededError: A limit is reached.
        UnknownPriceError: There is a limit in dollars, and nobody knows what the call would cost.
        JournalUnavailableError: The journal did not answer; the attempt was told to stop.
    """
    holder = _holder(attempt)
    if holder is None:
        return
    standing = reached(holder.budget, _used(attempt, holder))
    if standing is not None:
        raise BudgetExceededError(holder.session_id, standing)
    unpriced = holder.usage.unpriced_calls + holder.children_usage.unpriced_calls
    if holder.budget.max_cost_usd is not None and (loaded.rates is None or unpriced):
        raise UnknownPriceError(agent, model=loaded.model_id, variable=VARIABLE)


def check_time(attempt: Attempt) -> None:
    """Refuse to go on when the run has worked as long as it may.

    Reads one head if there is such a limit. Nothing is looked at while a model call is in flight:
    ending the attempt would lose its answer, which is paid for.

    Raises:
        BudgetExceededError: `max_seconds` is reached.
        JournalUnavailableError: The journal did not answer; the attempt was told to stop.
    """
    if attempt.calling or not _is_timed(attempt):
        return
    holder = _holder(attempt)
    if holder is None:
        return
    time_only = Budget(max_seconds=holder.budget.max_seconds)
    standing = reached(time_only, _used(attempt, holder))
    if standing is not None:
        raise BudgetExceededError(holder.session_id, standing)


def _is_timed(attempt: Attempt) -> bool:
    """Say whether there is a limit of time: steps are many, and most runs have none."""
    if attempt.run.root_session_id is None:
        return attempt.run.budget.max_seconds is not None
    if attempt.family_budget is None:
        # Once: a limit that is there may be raised, but a family seldom gets one on its way.
        holder = _holder(attempt)
        attempt.family_budget = Budget() if holder is None else holder.budget
    return attempt.family_budget.max_seconds is not None


def _holder(attempt: Attempt) -> Run | None:
    """Read the head that holds the budget, None if there is no limit."""
    run = attempt.run
    if run.root_session_id is None and not run.budget.is_set:
        return None
    holder_id = run.root_session_id or run.session_id
    holder = attempt.patiently(lambda: attempt.journal.get(holder_id))
    return holder if holder is not None and holder.budget.is_set else None


def _used(attempt: Attempt, holder: Run) -> Used:
    now = attempt.clock()
    own = attempt.worked_seconds(now)
    if holder.session_id == attempt.session_id:
        # By its own clock: whoever looks from outside takes a late worker for a dead one.
        return holder.used(now, working_seconds=own)
    # A child's time is added to the head when its attempt is over; until then only it knows.
    used = holder.used(now)
    return replace(used, seconds=used.seconds + own)
