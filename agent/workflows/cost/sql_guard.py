"""Whether SQL that a model wrote is one plain SELECT over the bill.

DuckDB parses it, and the parse tree is checked against lists of what is allowed; whatever the
lists do not know is refused. The connection's own settings (no files, no network, read-only
transaction) stand behind this: either would do alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from agent.workflows.cost.errors import QueryRefusedError

#: The one table there is.
VIEW = "bill"

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE"})
_TABLES = frozenset({"BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY", "EXPRESSION_LIST"})

#: None reaches outside the query, and none makes much out of little (as `repeat` does): a single
#: call of such a function can't be interrupted.
_FUNCTION_NAMES = """
    + - * / // % ^ ** & | ~ << >> || @ ! abs ceil ceiling floor round trunc sign sqrt ln log
    log10 log2 exp power pow mod greatest least coalesce nullif ifnull if isnan isfinite
    sum count count_star avg mean min max median mode mad quantile quantile_cont quantile_disc
    approx_quantile approx_count_distinct stddev stddev_pop stddev_samp variance var_pop var_samp
    arg_max arg_min max_by min_by first last any_value bool_and bool_or string_agg group_concat
    listagg list array_agg histogram corr covar_pop covar_samp regr_slope regr_intercept regr_r2
    regr_count product fsum sum_no_overflow entropy skewness kurtosis grouping grouping_id
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value fill
    date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add strftime
    year month day dayofmonth dayofweek dayofyear isodow isoyear weekday week weekofyear
    yearweek quarter hour minute second epoch epoch_ms dayname monthname last_day make_date
    time_bucket to_days to_hours to_minutes to_seconds to_months to_weeks to_years age julian
    lower lcase upper ucase trim ltrim rtrim length len strlen substr substring left right
    replace concat concat_ws contains starts_with ends_with prefix suffix strpos instr position
    split_part regexp_matches regexp_full_match regexp_extract regexp_replace reverse ~~ !~~
    ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape ascii translate
    string_split str_split levenshtein md5 hash typeof
    -> ->> json_extract json_extract_string json_keys json_valid json_type json_exists
    json_contains json_array_length json_value array_extract list_extract list_element
    list_contains list_has array_contains len array_length list_value list_sort list_distinct
    list_unique list_sum list_count struct_pack struct_extract map_extract element_at row
    unnest operator_cast
"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Let one SELECT over the bill pass, and nothing else.

    Raises:
        QueryRefusedError: It is something else; the error says what.
    """
    try:
        row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    except duckdb.Error as error:
        why = f"the SQL can't be read: {str(error).splitlines()[0]}"
        raise QueryRefusedError(why) from error
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        why = f"the SQL can't be used: {tree.get('error_message', 'it is no SQL')}"
        raise QueryRefusedError(why)
    if len(tree["statements"]) != 1:
        why = f"the SQL holds {len(tree['statements'])} statements"
        raise QueryRefusedError(why)
    nodes = list(_nodes(tree["statements"]))
    known = {VIEW} | {entry["key"].lower() for node in nodes for entry in _ctes(node)}
    for node in nodes:
        _check_node(node, known)


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, Mapping):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for value in tree:
            yield from _nodes(value)


def _ctes(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (node.get("cte_map") or {}).get("map", ())
    return found


def _check_node(node: Mapping[str, Any], known: set[str]) -> None:
    if "cte_map" in node and node["type"] not in _QUERIES:
        kind = str(node["type"]).removesuffix("_NODE").replace("_", " ").lower()
        why = f"the SQL holds a {kind}"
        raise QueryRefusedError(why)
    if "class" in node and "function_name" in node:
        _check_function(node)
    elif "sample" in node and "cte_map" not in node:
        _check_table(node, known)


def _check_function(node: Mapping[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    if name not in _FUNCTIONS or node.get("schema") or node.get("catalog"):
        why = f"the function {name!r} is not among those allowed"
        raise QueryRefusedError(why)


def _check_table(node: Mapping[str, Any], known: set[str]) -> None:
    kind = node["type"]
    if kind == "TABLE_FUNCTION":
        name = node["function"]["function_name"]
        if name != "unnest":
            why = f"the table function {name!r} is not allowed"
            raise QueryRefusedError(why)
        return
    if kind not in _TABLES:
        what = str(kind).replace("_", " ").lower()
        why = f"a {what} is not allowed in FROM"
        raise QueryRefusedError(why)
    if kind == "BASE_TABLE":
        _check_name(node, known)


def _check_name(node: Mapping[str, Any], known: set[str]) -> None:
    name = str(node["table_name"])
    if name.lower() not in known or node.get("schema_name") or node.get("catalog_name"):
        why = f"there is no table {name!r}"
        raise QueryRefusedError(why)
