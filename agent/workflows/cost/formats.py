"""The formats that are read: FOCUS 1.x, AWS CUR 2.0, and our table of Cost Explorer's answers."""

from collections.abc import Mapping

from agent.workflows.cost.columns import Format, Source

#: CUR line items that are consumption; the rest are purchases, taxes, credits and discounts.
_CUR_USAGE = "('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')"

#: CUR has no service category; these are the services commitments can be made for.
_CUR_CATEGORIES = {
    "Compute": ("AmazonEC2", "AWSLambda", "AmazonECS", "AmazonEKS", "AmazonSageMaker"),
    "Databases": ("AmazonRDS", "AmazonRedshift", "AmazonElastiCache", "AmazonDynamoDB"),
    "Storage": ("AmazonS3", "AmazonEFS", "AmazonFSx", "AWSBackup"),
    "Networking": ("AmazonVPC", "AWSELB", "AmazonCloudFront", "AWSDataTransfer"),
}


def _only(found: Mapping[str, str | None]) -> dict[str, str]:
    return {name: sql for name, sql in found.items() if sql is not None}


def _focus(source: Source) -> Mapping[str, str]:
    return _only(
        {
            "currency": source.text("BillingCurrency"),
            "provider": source.text("ProviderName", "ServiceProviderName", "PublisherName"),
            "account_id": source.text("SubAccountId", "BillingAccountId"),
            "account_name": source.text(
                "SubAccountName", "SubAccountId", "BillingAccountName", "BillingAccountId"
            ),
            "service": source.text("ServiceName"),
            "service_category": source.text("ServiceCategory"),
            "region": source.text("RegionId", "RegionName"),
            "resource_id": source.text("ResourceId"),
            "resource_name": source.text("ResourceName", "ResourceId"),
            "resource_type": source.text("ResourceType"),
            "charge_category": source.text("ChargeCategory"),
            "charge_class": source.text("ChargeClass"),
            "description": source.text("ChargeDescription"),
            "sku_id": source.text("SkuId"),
            "quantity": source.first("ConsumedQuantity", "PricingQuantity"),
            "unit": source.text("ConsumedUnit", "PricingUnit"),
            "charge_start": source.first("ChargePeriodStart"),
            "charge_end": source.first("ChargePeriodEnd"),
            "pricing_category": source.text("PricingCategory"),
            "commitment_id": source.text("CommitmentDiscountId"),
            "commitment_type": source.text("CommitmentDiscountType"),
            "commitment_status": source.text("CommitmentDiscountStatus"),
            "billed_cost": source.first("BilledCost"),
            "effective_cost": source.first("EffectiveCost"),
            "contracted_cost": source.first("ContractedCost"),
            "list_cost": source.first("ListCost"),
            "tags": source.json("Tags"),
        }
    )


FOCUS = Format(
    name="FOCUS 1.x",
    required=(
        ("BilledCost",),
        ("BillingCurrency",),
        ("ChargeCategory",),
        ("ChargePeriodEnd",),
        ("ChargePeriodStart",),
        ("EffectiveCost",),
        ("ListCost",),
        # FOCUS 1.3 renamed it.
        ("ProviderName", "ServiceProviderName"),
        ("ServiceName",),
    ),
    mapping=_focus,
)


def _cur(source: Source) -> Mapping[str, str]:
    kind = "line_item_line_item_type"
    return _only(
        {
            "currency": source.text("line_item_currency_code"),
            "provider": "'AWS'",
            "account_id": source.text("line_item_usage_account_id", "bill_payer_account_id"),
            "account_name": source.text(
                "line_item_usage_account_name", "line_item_usage_account_id"
            ),
            "service": _cur_service(source),
            "service_category": _cur_category(),
            "region": source.text("product_region_code", "line_item_availability_zone"),
            "resource_id": source.text("line_item_resource_id"),
            "resource_name": source.text("line_item_resource_id"),
            "resource_type": source.text("product_product_family", "product_instance_type"),
            "charge_category": f"""CASE
                WHEN {kind} IN {_CUR_USAGE} THEN 'Usage'
                WHEN {kind} IN ('Fee', 'RIFee', 'SavingsPlanUpfrontFee',
                                'SavingsPlanRecurringFee') THEN 'Purchase'
                WHEN {kind} = 'Tax' THEN 'Tax'
                WHEN {kind} = 'Credit' THEN 'Credit'
                ELSE 'Adjustment' END""",
            "description": source.text("line_item_line_item_description"),
            "sku_id": source.text("line_item_usage_type"),
            "quantity": source.first("line_item_usage_amount"),
            "unit": source.text("pricing_unit"),
            "charge_start": source.first("line_item_usage_start_date"),
            "charge_end": source.first("line_item_usage_end_date"),
            "pricing_category": _cur_pricing(source),
            "commitment_id": source.text(
                "reservation_reservation_a_r_n", "savings_plan_savings_plan_a_r_n"
            ),
            "commitment_type": f"""CASE
                WHEN {kind} LIKE 'SavingsPlan%' THEN 'Savings Plan'
                WHEN {kind} IN ('DiscountedUsage', 'RIFee') THEN 'Reserved Instance' END""",
            "commitment_status": f"""CASE
                WHEN {kind} IN ('DiscountedUsage', 'SavingsPlanCoveredUsage') THEN 'Used'
                WHEN {kind} IN ('RIFee', 'SavingsPlanRecurringFee')
                     AND {_cur_unused(source)} > 0 THEN 'Unused' END""",
            "billed_cost": source.first("line_item_unblended_cost"),
            "effective_cost": _cur_effective(source),
            "list_cost": _cur_list(source),
            "tags": source.json("resource_tags"),
        }
    )


def _cur_service(source: Source) -> str | None:
    names = [
        source.entry("product", "product_name"),
        source.text("product_servicecode", "line_item_product_code"),
    ]
    found = [name for name in names if name is not None]
    return f"coalesce({', '.join(found)})" if found else None


def _cur_category() -> str:
    whens = " ".join(
        f"WHEN line_item_product_code IN ({', '.join(repr(code) for code in codes)}) "
        f"THEN '{category}'"
        for category, codes in _CUR_CATEGORIES.items()
    )
    return f"CASE {whens} ELSE 'Other' END"


def _cur_pricing(source: Source) -> str:
    spot = f"WHEN {source.text('pricing_term')} = 'Spot' THEN 'Dynamic'"
    return f"""CASE
        WHEN line_item_line_item_type IN ('DiscountedUsage', 'SavingsPlanCoveredUsage')
        THEN 'Committed'
        {spot if source.has("pricing_term") else ""}
        WHEN line_item_line_item_type IN ('Usage', 'Fee') THEN 'Standard' END"""


def _number(source: Source, name: str) -> str:
    """Give SQL for a column that may be absent or empty, as a number."""
    column = source.first(name)
    return "0" if column is None else f"coalesce({column}::DECIMAL(38,12), 0)"


def _cur_unused(source: Source) -> str:
    """Give SQL for the part of a fee that covered nothing in its period."""
    reserved = " + ".join(
        _number(source, f"reservation_unused_{part}_for_billing_period")
        for part in ("amortized_upfront_fee", "recurring_fee")
    )
    committed = _number(source, "savings_plan_total_commitment_to_date")
    used = _number(source, "savings_plan_used_commitment")
    return f"""(CASE WHEN line_item_line_item_type = 'RIFee' THEN {reserved}
        ELSE {committed} - {used} END)"""


def _cur_effective(source: Source) -> str:
    """Give SQL for the amortised cost, by the rules of the CUR user guide."""
    return f"""CASE line_item_line_item_type
        WHEN 'SavingsPlanCoveredUsage'
            THEN {_number(source, "savings_plan_savings_plan_effective_cost")}
        WHEN 'DiscountedUsage' THEN {_number(source, "reservation_effective_cost")}
        WHEN 'RIFee' THEN {_cur_unused(source)}
        WHEN 'SavingsPlanRecurringFee' THEN {_cur_unused(source)}
        WHEN 'SavingsPlanNegation' THEN 0
        WHEN 'SavingsPlanUpfrontFee' THEN 0
        WHEN 'Fee' THEN CASE WHEN {source.text("reservation_reservation_a_r_n") or "NULL"}
            IS NULL THEN {_number(source, "line_item_unblended_cost")} ELSE 0 END
        ELSE {_number(source, "line_item_unblended_cost")} END"""


def _cur_list(source: Source) -> str | None:
    if not source.has("pricing_public_on_demand_cost"):
        return None
    return f"""CASE WHEN line_item_line_item_type IN {_CUR_USAGE}
        THEN {_number(source, "pricing_public_on_demand_cost")}
        WHEN line_item_line_item_type = 'SavingsPlanNegation' THEN 0
        ELSE {_number(source, "line_item_unblended_cost")} END"""


CUR = Format(
    name="AWS CUR 2.0",
    required=(
        ("line_item_currency_code",),
        ("line_item_line_item_type",),
        ("line_item_product_code",),
        ("line_item_unblended_cost",),
        ("line_item_usage_account_id",),
        ("line_item_usage_end_date",),
        ("line_item_usage_start_date",),
    ),
    mapping=_cur,
)

#: The table `explorer.py` writes: FOCUS's names, as far as Cost Explorer knows the values.
COST_EXPLORER = Format(
    name="AWS Cost Explorer",
    required=(
        ("BillingCurrency",),
        ("BilledCost",),
        ("EffectiveCost",),
        ("ChargePeriodStart",),
        ("ServiceName",),
    ),
    mapping=_focus,
)

#: What a file may be.
FILE_FORMATS = (FOCUS, CUR)
