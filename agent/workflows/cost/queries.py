"""The questions every bill is asked, as SQL over the view `bill` (the charges of one currency).

Every query orders its rows completely, so that a row number cites the same row every time.
Shares are divided as doubles and cut to one digit; money stays decimal throughout.
"""

# ruff: noqa: S608 - every part is a constant of this module, a number or a quoted text

from typing import Literal

Dimension = Literal["service", "account_name", "region", "provider", "resource_name"]
DIMENSIONS: tuple[Dimension, ...] = (
    "service",
    "account_name",
    "region",
    "provider",
    "resource_name",
)

NOBODY = "(none)"

#: Charges for a day or less can be told by day; a month's fee would look like a peak on its first.
_DAILY = "coalesce(charge_end, charge_start) - charge_start <= INTERVAL 1 DAY"
#: Corrections belong to an earlier month.
_USAGE = "charge_category = 'Usage' AND charge_class IS NULL"
#: A unit of time and nothing else: being there costs, being used costs extra.
_BY_TIME = "regexp_matches(lower(unit), '^(hours?|hrs?|minutes?|seconds?|days?)$')"
#: What providers call idle in their own words.
_CALLED_IDLE = (
    "regexp_matches(lower(coalesce(description, '')), "
    "'(^|[^a-z])(idle|unused|unattached|not attached|unassociated)([^a-z]|$)')"
)
#: A unit with time in it: how computing is sold.
_TIMED = "regexp_matches(lower(unit), 'hour|hrs|minute|second')"


def _percent(part: str, whole: str) -> str:
    """Give SQL for a share; where credits leave next to nothing of the whole there is none."""
    return f"TRY_CAST(100 * ({part}) / nullif({whole}, 0) AS DECIMAL(9, 1))"


TOTALS = f"""
SELECT count(*) AS charges,
       coalesce(sum(billed_cost), 0) AS billed_cost,
       coalesce(sum(effective_cost), 0) AS effective_cost,
       sum(list_cost) FILTER ({_USAGE}) AS list_cost_of_usage
FROM bill
"""

CATEGORIES = """
SELECT coalesce(charge_category, '(none)') AS charge_category,
       count(*) AS charges,
       coalesce(sum(billed_cost), 0) AS billed_cost,
       coalesce(sum(effective_cost), 0) AS effective_cost
FROM bill
GROUP BY 1
ORDER BY abs(coalesce(sum(effective_cost), 0)) DESC, 1
"""

SAVINGS = f"""
SELECT coalesce(sum(list_cost), 0) AS list_cost,
       sum(contracted_cost) AS contracted_cost,
       coalesce(sum(effective_cost), 0) AS effective_cost,
       sum(list_cost) - sum(contracted_cost) AS negotiated_saving,
       sum(contracted_cost) - sum(effective_cost) AS commitment_saving,
       coalesce(sum(list_cost) - sum(effective_cost), 0) AS saving,
       {_percent("sum(list_cost) - sum(effective_cost)", "sum(list_cost)")} AS saving_percent
FROM bill
WHERE {_USAGE} AND list_cost IS NOT NULL
"""

ANOMALIES = f"""
WITH spent AS (
    SELECT coalesce(service, '(none)') AS service,
           coalesce(account_name, '(none)') AS account_name,
           charge_start::DATE AS day,
           sum(effective_cost) AS cost
    FROM bill
    WHERE {_USAGE} AND {_DAILY} AND commitment_status IS DISTINCT FROM 'Unused'
    GROUP BY ALL
), calendar AS (
    SELECT DISTINCT day FROM spent
), filled AS (
    SELECT series.service, series.account_name, calendar.day, coalesce(spent.cost, 0) AS cost
    FROM (SELECT DISTINCT service, account_name FROM spent) AS series
    CROSS JOIN calendar
    LEFT JOIN spent ON spent.service = series.service
        AND spent.account_name = series.account_name AND spent.day = calendar.day
), usual AS (
    SELECT *, median(cost) OVER (PARTITION BY service, account_name) AS usual_cost
    FROM filled
), spread AS (
    SELECT *, median(abs(cost - usual_cost)) OVER (PARTITION BY service, account_name) AS spread,
           count(*) FILTER (cost > 0) OVER (PARTITION BY service, account_name) AS active_days
    FROM usual
), peaks AS (
    SELECT *, day - row_number() OVER (
        PARTITION BY service, account_name ORDER BY day)::INTEGER AS episode
    FROM spread
    WHERE cost > usual_cost + 6 * spread AND cost > 1.5 * usual_cost
)
SELECT service, account_name,
       min(day) AS first_day, max(day) AS last_day, count(*) AS days,
       sum(cost) AS cost,
       max(usual_cost) AS usual_cost_per_day,
       sum(cost - usual_cost) AS excess
FROM peaks
GROUP BY service, account_name, episode
HAVING (SELECT count(*) FROM calendar) >= 7
   -- What is used now and then has no usual cost; what came up once and never again has a peak.
   AND (max(usual_cost) > 0 OR max(active_days) <= 3)
   AND sum(cost - usual_cost) >= 0.002 * (SELECT sum(cost) FROM spent)
ORDER BY excess DESC, service, account_name, first_day
LIMIT 20
"""

IDLE = f"""
WITH usage AS (
    SELECT *, {_BY_TIME} AS is_by_time,
           {_CALLED_IDLE} AS is_called_idle,
           regexp_matches(lower(concat_ws(' ', resource_type, description)),
               'load ?balancer|nat ?gateway|endpoint|vpn|application gateway') AS is_passage
    FROM bill
    WHERE {_USAGE} AND resource_id IS NOT NULL AND commitment_status IS DISTINCT FROM 'Unused'
), passages AS (
    SELECT resource_id, resource_type, min(resource_name) AS resource_name,
           sum(effective_cost) AS cost,
           coalesce(sum(quantity) FILTER (NOT is_by_time), 0) AS traffic
    FROM usage
    WHERE is_passage AND NOT is_called_idle
    GROUP BY resource_id, resource_type
    HAVING count(*) FILTER (is_by_time) > 0
), idle AS (
    SELECT 'billed as idle' AS why, resource_id, resource_type,
           min(resource_name) AS resource_name, sum(effective_cost) AS cost
    FROM usage
    WHERE is_called_idle
    GROUP BY resource_id, resource_type
    UNION ALL
    SELECT 'on all the time, nothing passed through it', resource_id, resource_type,
           resource_name, cost
    FROM passages
    -- Only where the bill tells traffic of that type apart is its absence a sign.
    WHERE traffic = 0
      AND resource_type IN (SELECT resource_type FROM passages WHERE traffic > 0)
), ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY why, resource_type ORDER BY cost DESC, resource_id) AS place
    FROM idle
    WHERE cost > 0
)
SELECT why, coalesce(resource_type, '(none)') AS resource_type,
       count(*) AS resources, sum(cost) AS cost,
       string_agg(resource_name, ', ' ORDER BY place) FILTER (place <= 3) AS largest
FROM ranked
GROUP BY ALL
ORDER BY cost DESC, why, resource_type
LIMIT 20
"""

COMMITMENTS = f"""
WITH eligible AS (
    SELECT charge_start::DATE AS day, commitment_status, effective_cost,
           coalesce(list_cost, effective_cost) AS list_cost
    FROM bill
    WHERE commitment_status IS NOT NULL OR (
        {_USAGE} AND pricing_category = 'Standard' AND {_TIMED} AND NOT {_CALLED_IDLE}
        AND service_category IN ('Compute', 'Databases'))
), calendar AS (
    SELECT DISTINCT charge_start::DATE AS day FROM bill WHERE {_USAGE}
), by_day AS (
    SELECT calendar.day,
           coalesce(sum(effective_cost) FILTER (commitment_status IS NULL), 0) AS on_demand
    FROM calendar LEFT JOIN eligible ON eligible.day = calendar.day
    GROUP BY calendar.day
), sums AS (
    SELECT coalesce(sum(effective_cost) FILTER (commitment_status = 'Used'), 0) AS covered,
           coalesce(sum(list_cost) FILTER (commitment_status = 'Used'), 0) AS covered_list,
           coalesce(sum(effective_cost) FILTER (commitment_status = 'Unused'), 0) AS unused,
           coalesce(sum(effective_cost) FILTER (commitment_status IS NULL), 0) AS on_demand,
           coalesce(sum(list_cost) FILTER (commitment_status IS NULL), 0) AS on_demand_list,
           (SELECT coalesce(min(on_demand) * count(*), 0) FROM by_day) AS steady
    FROM eligible
)
SELECT covered AS covered_cost,
       covered_list AS covered_list_cost,
       unused AS unused_commitment_cost,
       on_demand AS on_demand_cost,
       steady AS steady_on_demand_cost,
       {_percent("covered_list", "covered_list + on_demand_list")} AS coverage_percent,
       {_percent("covered", "covered + unused")} AS utilisation_percent,
       {_percent("covered_list - covered", "covered_list")} AS discount_percent,
       (steady * greatest((covered_list - covered) / nullif(covered_list, 0), 0))::DECIMAL(38, 2)
           AS estimated_saving
FROM sums
"""


def top(by: Dimension, limit: int) -> str:
    """Give the query for the largest parts of the cost by a dimension."""
    return f"""
SELECT coalesce({by}, '{NOBODY}') AS {by},
       coalesce(sum(effective_cost), 0) AS effective_cost,
       {_percent("sum(effective_cost)", "sum(sum(effective_cost)) OVER ()")} AS percent,
       coalesce(sum(billed_cost), 0) AS billed_cost,
       count(*) AS charges
FROM bill
GROUP BY 1
ORDER BY effective_cost DESC, billed_cost DESC, 1
LIMIT {limit}
"""


def daily(service: str | None = None) -> str:
    """Give the query for the usage cost of each day, of all services or one."""
    only = f" AND service = {_text(service)}" if service else ""
    return f"""
SELECT charge_start::DATE AS day, coalesce(sum(effective_cost), 0) AS effective_cost
FROM bill
WHERE {_USAGE} AND {_DAILY}{only}
GROUP BY 1
ORDER BY 1
"""


def daily_by_service(limit: int) -> str:
    """Give the query for the usage cost of each day of the largest services, and of the rest."""
    return f"""
WITH spent AS (
    SELECT charge_start::DATE AS day, coalesce(service, '{NOBODY}') AS service,
           sum(effective_cost) AS cost
    FROM bill
    WHERE {_USAGE} AND {_DAILY}
    GROUP BY ALL
), largest AS (
    SELECT service, sum(cost) AS total FROM spent GROUP BY 1 ORDER BY total DESC, 1 LIMIT {limit}
)
SELECT day, coalesce(largest.service, 'Other') AS service, sum(cost) AS effective_cost
FROM spent LEFT JOIN largest ON largest.service = spent.service
GROUP BY day, coalesce(largest.service, 'Other')
ORDER BY day, max(coalesce(largest.total, 0)) DESC, 2
"""


def untagged(key: str | None = None) -> str:
    """Give the query for the cost of resources without tags, or without one tag, by account."""
    path = _text(f'$."{key}"')
    missing = "tags IS NULL" if key is None else f"(tags ->> {path}) IS NULL"
    return f"""
WITH taggable AS (
    SELECT coalesce(account_name, '{NOBODY}') AS account_name, resource_id, effective_cost,
           {missing} AS is_untagged
    FROM bill
    WHERE {_USAGE} AND resource_id IS NOT NULL
)
SELECT coalesce(account_name, '(all)') AS account_name,
       coalesce(sum(effective_cost) FILTER (is_untagged), 0) AS untagged_cost,
       coalesce(sum(effective_cost), 0) AS taggable_cost,
       {_percent("sum(effective_cost) FILTER (is_untagged)", "sum(effective_cost)")}
           AS untagged_percent,
       count(DISTINCT resource_id) FILTER (is_untagged) AS untagged_resources
FROM taggable
GROUP BY GROUPING SETS ((account_name), ())
ORDER BY grouping(account_name) DESC, untagged_cost DESC, 1
LIMIT 30
"""


def driver(service: str, account: str, *, first_day: str, last_day: str) -> str:
    """Give the query for what a service's cost was made of, in one account over some days."""
    return f"""
SELECT coalesce(resource_name, '{NOBODY}') AS resource_name,
       coalesce(description, '{NOBODY}') AS description,
       coalesce(region, '{NOBODY}') AS region,
       sum(effective_cost) AS effective_cost,
       {_percent("sum(effective_cost)", "sum(sum(effective_cost)) OVER ()")} AS percent
FROM bill
WHERE coalesce(service, '{NOBODY}') = {_text(service)}
  AND coalesce(account_name, '{NOBODY}') = {_text(account)}
  AND charge_start::DATE BETWEEN {_text(first_day)} AND {_text(last_day)}
  AND charge_category = 'Usage'
GROUP BY 1, 2, 3
ORDER BY effective_cost DESC, 1, 2, 3
LIMIT 5
"""


def _text(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
