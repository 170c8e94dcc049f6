"""Make the sample bill: a month of a made-up company's cloud, in FOCUS 1.0.

    python data/make_sample_bill.py

writes `sample-bill.csv.gz` beside this file, the same every time. Names, ids and amounts are
invented; prices are near the public ones. There are things to find in it:

- debug logs left on in staging for three days, and one day of data sent out of data-prod
- load balancers, gateways, endpoints and addresses that nothing passes through, and a reserved
  capacity that no instance runs in
- a savings plan that is used up on working days and not at weekends, and steady instances it does
  not cover
- resources without tags, most of them in data-prod and sandbox
- a second provider that bills in euros
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_UP, Decimal
from pathlib import Path

Row = dict[str, object]

TARGET = Path(__file__).parent / "sample-bill.csv.gz"

FIRST_DAY = date(2025, 9, 1)
DAYS = 30
NEXT_MONTH = date(2025, 10, 1)

#: The columns of FOCUS 1.0, all of them.
COLUMNS = (
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
)

REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "Europe (Frankfurt)",
    "westeurope": "West Europe",
}
ACCOUNTS = {
    "web-prod": "310000000001",
    "data-prod": "310000000002",
    "platform": "310000000003",
    "staging": "310000000004",
    "sandbox": "310000000005",
    "analytics-eu": "5f0c1c1e-0000-4000-8000-0000000000e1",
}

#: Negotiated with the provider: what of the list price is paid.
NEGOTIATED = Decimal("0.95")
NEGOTIATED_SERVICES = frozenset({"Amazon Elastic Compute Cloud", "Amazon Simple Storage Service"})

#: The savings plan: dollars an hour, and what of the list price covered usage costs.
PLAN_PER_HOUR = Decimal("9.50")
PLAN_RATE = Decimal("0.72")
PLAN_ID = "arn:aws:savingsplans::310000000003:savingsplan/7c1d3a52-0000-4000-8000-00000000000a"
PLAN: Row = {
    "CommitmentDiscountCategory": "Spend",
    "CommitmentDiscountId": PLAN_ID,
    "CommitmentDiscountName": "Compute, 1 year, no upfront",
    "CommitmentDiscountType": "Savings Plan",
}

#: Reserved database instances: all of their hours are used.
RESERVED_RATE = Decimal("0.66")
RESERVED_ID = "arn:aws:rds:us-east-1:310000000001:ri:ri-2025-02-11-08-14-02-113"
RESERVED: Row = {
    "CommitmentDiscountCategory": "Usage",
    "CommitmentDiscountId": RESERVED_ID,
    "CommitmentDiscountName": "db.r6g.2xlarge, 1 year, no upfront",
    "CommitmentDiscountType": "Reserved Instance",
}


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Something that is measured and charged every day."""

    account: str
    service: str
    category: str
    sku: str
    unit: str
    price: Decimal
    #: Of a working day.
    quantity: Decimal
    description: str
    region: str = "us-east-1"
    resource: str | None = None
    resource_type: str | None = None
    tags: Mapping[str, str] | None = None
    #: What of the quantity remains on Saturdays and Sundays.
    weekend: Decimal = Decimal(1)
    #: How far days differ at random.
    noise: float = 0.0
    #: The quantity on particular days of the month.
    on_days: Mapping[int, Decimal] = field(default_factory=dict)
    is_plan_eligible: bool = False
    is_reserved: bool = False
    pricing: str = "Standard"
    provider: str = "AWS"
    publisher: str = "Amazon Web Services, Inc."

    def on(self, day: date, dice: random.Random) -> Decimal:
        """Give what is measured on a day."""
        if day.day in self.on_days:
            return self.on_days[day.day]
        usual = self.quantity * (self.weekend if day.weekday() >= 5 else 1)
        varied = usual * Decimal(repr(1 + dice.uniform(-self.noise, self.noise)))
        return varied.quantize(Decimal("0.001"))


def tags(team: str, environment: str = "prod") -> dict[str, str]:
    """Give the tags the company asks for."""
    return {"environment": environment, "team": team}


def meters() -> Iterator[Meter]:
    """Give everything the company runs."""
    yield from _instances()
    yield from _containers_and_functions()
    yield from _databases()
    yield from _storage()
    yield from _network()
    yield from _forgotten()
    yield from _operations()
    yield from _azure()


EC2 = "Amazon Elastic Compute Cloud"


def _instance(  # noqa: PLR0913 - a row of a table
    account: str,
    name: str,
    kind: str,
    price: str,
    *,
    team: str | None,
    region: str = "us-east-1",
    weekend: str = "1",
    environment: str = "prod",
    is_plan_eligible: bool = False,
) -> Iterator[Meter]:
    labels = tags(team, environment) if team else None
    yield Meter(
        account=account,
        service=EC2,
        category="Compute",
        sku=f"BoxUsage:{kind}",
        unit="Hours",
        price=Decimal(price),
        quantity=Decimal(24),
        weekend=Decimal(weekend),
        description=f"${price} per On Demand Linux {kind} Instance Hour",
        region=region,
        resource=f"instance/i-{name}",
        resource_type="Instance",
        tags=labels,
        is_plan_eligible=is_plan_eligible,
    )
    yield Meter(
        account=account,
        service=EC2,
        category="Storage",
        sku="EBS:VolumeUsage.gp3",
        unit="GB-Months",
        price=Decimal("0.08"),
        quantity=(Decimal(200) / DAYS).quantize(Decimal("0.001")),
        description="$0.08 per GB-month of General Purpose (gp3) provisioned storage",
        region=region,
        resource=f"volume/vol-{name}",
        resource_type="Volume",
        tags=labels,
    )


def _instances() -> Iterator[Meter]:
    # The shop's fleet: half of it sleeps at weekends, and the savings plan was bought for all.
    for number in range(1, 13):
        weekend = "1" if number <= 5 else "0.5"
        name = f"web-{number:02}"
        yield from _instance(
            "web-prod",
            name,
            "m6i.4xlarge",
            "0.768",
            team="shop",
            weekend=weekend,
            is_plan_eligible=True,
        )
    for number in range(1, 9):
        yield from _instance(
            "web-prod",
            f"search-{number}",
            "c6i.4xlarge",
            "0.68",
            team="search",
            weekend="0.5",
            is_plan_eligible=True,
        )
    # Steady, and outside the plan: it is used up before it reaches them.
    for number in range(1, 7):
        yield from _instance("data-prod", f"etl-{number}", "r6i.4xlarge", "1.008", team=None)
    for number in range(1, 5):
        yield from _instance(
            "platform", f"build-{number}", "c6i.4xlarge", "0.68", team="platform", weekend="0.25"
        )
    for number in range(1, 5):
        yield from _instance(
            "staging",
            f"stage-{number}",
            "m6i.xlarge",
            "0.192",
            team="shop",
            environment="staging",
        )
    yield from _instance("sandbox", "try-1", "g5.2xlarge", "1.212", team=None, region="us-west-2")
    yield Meter(
        account="data-prod",
        service=EC2,
        category="Compute",
        sku="SpotUsage:r6i.4xlarge",
        unit="Hours",
        price=Decimal("1.008"),
        quantity=Decimal(60),
        noise=0.3,
        description="r6i.4xlarge Linux/UNIX Spot Instance-hour",
        resource="instance/i-etl-spot",
        resource_type="Instance",
        tags=tags("data"),
        pricing="Dynamic",
    )


def _containers_and_functions() -> Iterator[Meter]:
    for name, cpus in (("checkout", 480), ("catalog", 360), ("accounts", 192)):
        shared = Meter(
            account="web-prod",
            service="Amazon Elastic Container Service",
            category="Compute",
            sku="Fargate-vCPU-Hours",
            unit="vCPU-Hours",
            price=Decimal("0.04048"),
            quantity=Decimal(cpus),
            weekend=Decimal("0.8"),
            noise=0.05,
            description="AWS Fargate - vCPU - US East (N. Virginia)",
            resource=f"service/shop/{name}",
            resource_type="Service",
            tags=tags("shop"),
        )
        yield shared
        yield replace(
            shared,
            sku="Fargate-GB-Hours",
            unit="GB-Hours",
            price=Decimal("0.004445"),
            quantity=Decimal(cpus * 2),
            description="AWS Fargate - Memory - US East (N. Virginia)",
        )
    for name, seconds in (("thumbnails", 2_400_000), ("webhooks", 900_000), ("mail", 350_000)):
        function = Meter(
            account="web-prod",
            service="AWS Lambda",
            category="Compute",
            sku="Lambda-GB-Second",
            unit="GB-Seconds",
            price=Decimal("0.00001667"),
            quantity=Decimal(seconds),
            weekend=Decimal("0.7"),
            noise=0.1,
            description="AWS Lambda - Compute Duration - US East (N. Virginia)",
            resource=f"function/{name}",
            resource_type="Function",
            tags=tags("shop"),
        )
        yield function
        yield replace(
            function,
            sku="Request",
            unit="1000000 Requests",
            price=Decimal("0.20"),
            quantity=Decimal(seconds) / 400_000,
            description="AWS Lambda - Requests - US East (N. Virginia)",
        )
    for account in ("web-prod", "platform", "staging"):
        yield Meter(
            account=account,
            service="Amazon Elastic Kubernetes Service",
            category="Compute",
            sku="AmazonEKS-Hours:perCluster",
            unit="Cluster-Hours",
            price=Decimal("0.10"),
            quantity=Decimal(24),
            description="Amazon EKS cluster usage in US East (N. Virginia)",
            resource=f"cluster/{account}",
            resource_type="Cluster",
            tags=tags("platform", "staging" if account == "staging" else "prod"),
        )


def _databases() -> Iterator[Meter]:
    for name, is_reserved in (("orders", True), ("customers", True), ("events", False)):
        yield Meter(
            account="web-prod",
            service="Amazon Relational Database Service",
            category="Databases",
            sku="InstanceUsage:db.r6g.2xl",
            unit="Hours",
            price=Decimal("0.90"),
            quantity=Decimal(24),
            description="$0.90 per db.r6g.2xlarge Single-AZ instance hour running PostgreSQL",
            resource=f"db/{name}",
            resource_type="Database",
            tags=tags("shop"),
            is_reserved=is_reserved,
        )
        yield Meter(
            account="web-prod",
            service="Amazon Relational Database Service",
            category="Databases",
            sku="RDS:GP3-Storage",
            unit="GB-Months",
            price=Decimal("0.115"),
            quantity=Decimal("33.333"),
            description="$0.115 per GB-month of provisioned gp3 storage running PostgreSQL",
            resource=f"db/{name}",
            resource_type="Database",
            tags=tags("shop"),
        )
    yield Meter(
        account="data-prod",
        service="Amazon Redshift",
        category="Analytics",
        sku="Node:ra3.4xlarge",
        unit="Hours",
        price=Decimal("3.26"),
        quantity=Decimal(72),
        description="$3.26 per Redshift ra3.4xlarge Compute Node-hour",
        resource="cluster/warehouse",
        resource_type="Cluster",
        tags=tags("data"),
    )
    yield Meter(
        account="web-prod",
        service="Amazon DynamoDB",
        category="Databases",
        sku="WriteRequestUnits",
        unit="1000000 Requests",
        price=Decimal("1.25"),
        quantity=Decimal(38),
        weekend=Decimal("0.7"),
        noise=0.08,
        description="$1.25 per million write request units (N. Virginia)",
        resource="table/carts",
        resource_type="Table",
        tags=tags("shop"),
    )


def _storage() -> Iterator[Meter]:
    buckets = (
        ("data-prod", "northgate-lake-raw", 5_200, None),
        ("data-prod", "northgate-lake-curated", 1_900, None),
        ("web-prod", "northgate-shop-images", 760, tags("shop")),
        ("web-prod", "northgate-shop-exports", 210, tags("shop")),
        ("platform", "northgate-artifacts", 340, tags("platform")),
        ("staging", "northgate-stage-images", 95, tags("shop", "staging")),
    )
    for account, name, size, labels in buckets:
        bucket = Meter(
            account=account,
            service="Amazon Simple Storage Service",
            category="Storage",
            sku="TimedStorage-ByteHrs",
            unit="GB-Months",
            price=Decimal("0.023"),
            quantity=Decimal(size),
            noise=0.01,
            description="$0.023 per GB - first 50 TB / month of storage used",
            resource=f"bucket/{name}",
            resource_type="Bucket",
            tags=labels,
        )
        yield bucket
        yield replace(
            bucket,
            sku="Requests-Tier1",
            unit="1000 Requests",
            price=Decimal("0.005"),
            quantity=Decimal(size) / 4,
            weekend=Decimal("0.8"),
            noise=0.15,
            description="$0.005 per 1,000 PUT, COPY, POST, or LIST requests",
        )
    # A copy of the lake to a partner, by way of the internet and not of a private link.
    yield Meter(
        account="data-prod",
        service="Amazon Simple Storage Service",
        category="Storage",
        sku="DataTransfer-Out-Bytes",
        unit="GB",
        price=Decimal("0.09"),
        quantity=Decimal(310),
        noise=0.12,
        on_days={24: Decimal("10840.512")},
        description="$0.090 per GB - first 10 TB / month data transfer out",
        resource="bucket/northgate-lake-curated",
        resource_type="Bucket",
    )


def _balancer(account: str, name: str, *, traffic: int, team: str | None) -> Iterator[Meter]:
    balancer = Meter(
        account=account,
        service="Elastic Load Balancing",
        category="Networking",
        sku="LoadBalancerUsage",
        unit="Hours",
        price=Decimal("0.0225"),
        quantity=Decimal(24),
        description="$0.0225 per Application LoadBalancer-hour (or partial hour)",
        resource=f"loadbalancer/app/{name}",
        resource_type="Load Balancer",
        tags=tags(team) if team else None,
    )
    yield balancer
    if traffic:
        yield replace(
            balancer,
            sku="LCUUsage",
            unit="LCU-Hours",
            price=Decimal("0.008"),
            quantity=Decimal(traffic),
            weekend=Decimal("0.7"),
            noise=0.1,
            description="$0.008 per used Application load balancer capacity unit-hour",
        )


def _gateway(account: str, name: str, *, traffic: int, team: str | None) -> Iterator[Meter]:
    gateway = Meter(
        account=account,
        service="Amazon Virtual Private Cloud",
        category="Networking",
        sku="NatGateway-Hours",
        unit="Hours",
        price=Decimal("0.045"),
        quantity=Decimal(24),
        description="$0.045 per NAT Gateway Hour",
        resource=f"natgateway/nat-{name}",
        resource_type="NAT Gateway",
        tags=tags(team) if team else None,
    )
    yield gateway
    if traffic:
        yield replace(
            gateway,
            sku="NatGateway-Bytes",
            unit="GB",
            quantity=Decimal(traffic),
            noise=0.1,
            description="$0.045 per GB Data Processed by NAT Gateways",
        )


def _endpoint(account: str, name: str, *, traffic: int, team: str | None) -> Iterator[Meter]:
    endpoint = Meter(
        account=account,
        service="Amazon Virtual Private Cloud",
        category="Networking",
        sku="VpcEndpoint-Hours",
        unit="Hours",
        price=Decimal("0.01"),
        quantity=Decimal(72),
        description="$0.01 per VPC Endpoint Hour",
        resource=f"vpc-endpoint/vpce-{name}",
        resource_type="VPC Endpoint",
        tags=tags(team) if team else None,
    )
    yield endpoint
    if traffic:
        yield replace(
            endpoint,
            sku="VpcEndpoint-Bytes",
            unit="GB",
            quantity=Decimal(traffic),
            noise=0.1,
            description="$0.01 per GB Data Processed by VPC Endpoints",
        )


def _network() -> Iterator[Meter]:
    yield from _balancer("web-prod", "shop", traffic=410, team="shop")
    yield from _balancer("web-prod", "api", traffic=260, team="shop")
    yield from _balancer("staging", "stage", traffic=9, team="shop")
    yield from _gateway("web-prod", "shop-a", traffic=620, team="platform")
    yield from _gateway("web-prod", "shop-b", traffic=580, team="platform")
    yield from _gateway("data-prod", "lake", traffic=240, team="platform")
    yield from _endpoint("web-prod", "secrets", traffic=3, team="platform")
    yield from _endpoint("data-prod", "glue", traffic=21, team="platform")
    yield Meter(
        account="web-prod",
        service="Amazon CloudFront",
        category="Networking",
        sku="US-DataTransfer-Out-Bytes",
        unit="GB",
        price=Decimal("0.085"),
        quantity=Decimal(1_850),
        weekend=Decimal("1.2"),
        noise=0.08,
        description="$0.085 per GB - first 10 TB / month data transfer out",
        resource="distribution/E2SHOP",
        resource_type="Distribution",
        tags=tags("shop"),
    )
    yield Meter(
        account="web-prod",
        service=EC2,
        category="Networking",
        sku="DataTransfer-Regional-Bytes",
        unit="GB",
        price=Decimal("0.01"),
        quantity=Decimal(2_900),
        weekend=Decimal("0.7"),
        noise=0.08,
        description="$0.010 per GB - regional data transfer - in/out/between AZs",
        resource="instance/i-web-01",
        resource_type="Instance",
        tags=tags("shop"),
    )


def _forgotten() -> Iterator[Meter]:
    for number in range(1, 5):
        yield from _balancer("sandbox", f"try-{number}", traffic=0, team=None)
    yield from _balancer("staging", "old-stage", traffic=0, team="shop")
    for number in range(1, 4):
        yield from _gateway("sandbox", f"try-{number}", traffic=0, team=None)
    for name in ("ecr", "kms", "sts", "logs"):
        yield from _endpoint("staging", name, traffic=0, team="platform")
    for number in range(1, 12):
        yield Meter(
            account="sandbox" if number > 4 else "data-prod",
            service="Amazon Virtual Private Cloud",
            category="Networking",
            sku="PublicIPv4:IdleAddress",
            unit="Hours",
            price=Decimal("0.005"),
            quantity=Decimal(24),
            description="$0.005 per Idle public IPv4 address per hour",
            resource=f"elastic-ip/eipalloc-{number:02}",
            resource_type="Elastic IP",
        )
    yield Meter(
        account="data-prod",
        service=EC2,
        category="Compute",
        sku="UnusedBox:g5.4xlarge",
        unit="Hours",
        price=Decimal("1.624"),
        quantity=Decimal(48),
        description="$1.624 per Unused Reservation Linux g5.4xlarge Instance Hour",
        resource="capacity-reservation/cr-training",
        resource_type="Capacity Reservation",
        tags=tags("data"),
    )


def _operations() -> Iterator[Meter]:
    logs: tuple[tuple[str, int, dict[int, Decimal]], ...] = (
        ("web-prod", 62, {}),
        ("data-prod", 18, {}),
        # Debug logging that nobody turned off again.
        (
            "staging",
            14,
            {16: Decimal("1152.310"), 17: Decimal("1422.866"), 18: Decimal("980.145")},
        ),
    )
    for account, size, on_days in logs:
        yield Meter(
            account=account,
            service="Amazon CloudWatch",
            category="Management and Governance",
            sku="DataProcessing-Bytes",
            unit="GB",
            price=Decimal("0.50"),
            quantity=Decimal(size),
            weekend=Decimal("0.8"),
            noise=0.06,
            on_days=on_days,
            description="$0.50 per GB custom log data ingested in Standard log class",
            resource=f"log-group/{account}/application",
            resource_type="Log Group",
            tags=tags("platform", "staging" if account == "staging" else "prod"),
        )
    yield Meter(
        account="platform",
        service="AWS Key Management Service",
        category="Security",
        sku="KMS-Keys",
        unit="Keys",
        price=Decimal("1.00"),
        quantity=Decimal("1.2"),
        description="$1.00 per customer managed key per month",
        resource="key/platform",
        resource_type="Key",
        tags=tags("platform"),
    )
    yield Meter(
        account="web-prod",
        service="Amazon Simple Queue Service",
        category="Integration",
        sku="Requests-Tier1",
        unit="1000000 Requests",
        price=Decimal("0.40"),
        quantity=Decimal(24),
        weekend=Decimal("0.7"),
        noise=0.1,
        description="$0.40 per million Amazon SQS standard requests",
        resource="queue/orders",
        resource_type="Queue",
        tags=tags("shop"),
    )
    for direction, price, size in (("input", "0.003", 9_400), ("output", "0.015", 1_100)):
        yield Meter(
            account="web-prod",
            service="Amazon Bedrock",
            category="AI and Machine Learning",
            sku=f"Model-{direction}-tokens",
            unit="1000 Tokens",
            price=Decimal(price),
            quantity=Decimal(size),
            weekend=Decimal("0.6"),
            noise=0.12,
            description=f"${price} per 1,000 {direction} tokens of a text model",
            resource="model/product-descriptions",
            resource_type="Model",
            tags=tags("search"),
        )


def _azure() -> Iterator[Meter]:
    machine = Meter(
        account="analytics-eu",
        service="Virtual Machines",
        category="Compute",
        sku="D8s_v5",
        unit="Hours",
        price=Decimal("0.402"),
        quantity=Decimal(24),
        description="Virtual Machines Dsv5 Series - D8s v5 - EU West",
        region="westeurope",
        resource_type="Virtual machine",
        tags=tags("data"),
        provider="Microsoft",
        publisher="Microsoft",
    )
    for number in range(1, 4):
        yield replace(machine, resource=f"virtualMachines/report-{number}")
    database = replace(
        machine,
        service="Azure SQL Database",
        category="Databases",
        sku="GP_Gen5_8",
        unit="vCore-Hours",
        price=Decimal("0.118"),
        quantity=Decimal(192),
        description="SQL Database General Purpose - Compute Gen5 - vCore",
        resource="servers/reports/databases/reports",
        resource_type="SQL database",
    )
    yield database
    yield replace(
        machine,
        service="Storage Accounts",
        category="Storage",
        sku="Hot-LRS",
        unit="GB-Months",
        price=Decimal("0.0184"),
        quantity=Decimal(410),
        noise=0.02,
        description="Blob Storage - Hot LRS Data Stored",
        resource="storageAccounts/reportseu",
        resource_type="Storage account",
        tags=None,
    )
    yield replace(
        machine,
        service="Bandwidth",
        category="Networking",
        sku="Data-Transfer-Out",
        unit="GB",
        price=Decimal("0.08"),
        quantity=Decimal(52),
        noise=0.15,
        description="Bandwidth - Standard Data Transfer Out",
        resource="virtualMachines/report-1",
    )
    yield replace(
        machine,
        service="Virtual Network",
        category="Networking",
        sku="Static-Public-IP",
        price=Decimal("0.0042"),
        description="IP Addresses - Standard IPv4 Static Public IP - unassociated",
        resource="publicIPAddresses/report-old",
        resource_type="Public IP address",
        tags=None,
    )


def rows() -> list[Row]:
    """Give every charge of the month, in the order of time."""
    # Not for secrets: the same numbers every time are the point.
    dice = random.Random(20250901)  # noqa: S311
    measured = list(meters())
    made: list[Row] = []
    for offset in range(DAYS):
        day = FIRST_DAY + timedelta(days=offset)
        made += _day(day, [(meter, meter.on(day, dice)) for meter in measured])
    return sorted(made + _monthly(made), key=_place)


def _place(row: Row) -> tuple[str, ...]:
    names = ("ChargePeriodStart", "SubAccountName", "ServiceName", "SkuId", "ResourceId")
    return tuple(str(row[name]) for name in (*names, "CommitmentDiscountStatus", "ChargeCategory"))


def _day(day: date, measured: list[tuple[Meter, Decimal]]) -> Iterator[Row]:
    left = PLAN_PER_HOUR * 24
    for meter, quantity in measured:
        if meter.is_reserved:
            cost = meter.price * RESERVED_RATE * quantity
            yield _committed(meter, quantity, day, cost=cost, commitment=RESERVED)
        elif meter.is_plan_eligible:
            rate = meter.price * PLAN_RATE
            covered = min(quantity, (left / rate).quantize(Decimal("0.001"), ROUND_UP))
            # The last hours the plan reaches carry what is left of it, to the last digit.
            cost = min(left, covered * rate)
            left -= cost
            if covered:
                yield _committed(meter, covered, day, cost=cost, commitment=PLAN)
            if quantity > covered:
                yield _usage(meter, quantity - covered, day)
        else:
            yield _usage(meter, quantity, day)
    if left > 0:
        yield _unused(day, left)
    yield _fee(day, PLAN_PER_HOUR, PLAN, service="Savings Plans for AWS Compute usage")
    hours = sum(quantity for meter, quantity in measured if meter.is_reserved)
    price = Decimal("0.90") * RESERVED_RATE
    yield _fee(
        day,
        price * hours / 24,
        RESERVED,
        service="Amazon Relational Database Service",
        category="Databases",
    )


def _instant(day: date) -> str:
    return datetime.combine(day, time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _row(account: str, *, provider: str = "AWS", start: date, end: date) -> Row:
    is_aws = provider == "AWS"
    return dict.fromkeys(COLUMNS) | {
        "BillingAccountId": "310000000000" if is_aws else "northgate-eu",
        "BillingAccountName": "Northgate Outfitters" if is_aws else "Northgate Outfitters EU",
        "BillingCurrency": "USD" if is_aws else "EUR",
        "BillingPeriodEnd": _instant(NEXT_MONTH),
        "BillingPeriodStart": _instant(FIRST_DAY),
        "ChargePeriodEnd": _instant(end),
        "ChargePeriodStart": _instant(start),
        "InvoiceIssuerName": "Amazon Web Services, Inc." if is_aws else "Microsoft",
        "ProviderName": provider,
        "PublisherName": "Amazon Web Services, Inc." if is_aws else "Microsoft",
        "SubAccountId": ACCOUNTS[account],
        "SubAccountName": account,
    }


def _usage(meter: Meter, quantity: Decimal, day: date) -> Row:
    share = NEGOTIATED if meter.service in NEGOTIATED_SERVICES else Decimal(1)
    if meter.pricing == "Dynamic":
        share = Decimal("0.36")
    contracted = meter.price * share
    row = _row(meter.account, provider=meter.provider, start=day, end=day + timedelta(days=1))
    return row | {
        "AvailabilityZone": f"{meter.region}a" if meter.unit == "Hours" else None,
        "BilledCost": contracted * quantity,
        "ChargeCategory": "Usage",
        "ChargeDescription": meter.description,
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": meter.unit,
        "ContractedCost": contracted * quantity,
        "ContractedUnitPrice": contracted,
        "EffectiveCost": contracted * quantity,
        "ListCost": meter.price * quantity,
        "ListUnitPrice": meter.price,
        "PricingCategory": meter.pricing,
        "PricingQuantity": quantity,
        "PricingUnit": meter.unit,
        "PublisherName": meter.publisher,
        "RegionId": meter.region,
        "RegionName": REGIONS[meter.region],
        "ResourceId": _resource_id(meter),
        "ResourceName": meter.resource.rsplit("/", 1)[-1] if meter.resource else None,
        "ResourceType": meter.resource_type,
        "ServiceCategory": meter.category,
        "ServiceName": meter.service,
        "SkuId": f"{meter.service}/{meter.sku}",
        "SkuPriceId": f"{meter.service}/{meter.sku}/{meter.price}",
        "Tags": json.dumps(meter.tags, sort_keys=True) if meter.tags else None,
    }


def _resource_id(meter: Meter) -> str | None:
    if meter.resource is None:
        return None
    if meter.provider != "AWS":
        return f"/subscriptions/{ACCOUNTS[meter.account]}/resourceGroups/eu/{meter.resource}"
    return f"arn:aws:sample:{meter.region}:{ACCOUNTS[meter.account]}:{meter.resource}"


def _committed(
    meter: Meter, quantity: Decimal, day: date, *, cost: Decimal, commitment: Row
) -> Row:
    return (
        _usage(meter, quantity, day)
        | commitment
        | {
            "BilledCost": Decimal(0),
            "CommitmentDiscountStatus": "Used",
            "EffectiveCost": cost,
            "PricingCategory": "Committed",
        }
    )


def _unused(day: date, left: Decimal) -> Row:
    """Give the part of the savings plan that a day did not use."""
    return _fee(day, Decimal(0), PLAN, service="Savings Plans for AWS Compute usage") | {
        "ChargeCategory": "Usage",
        "ChargeDescription": "Unused part of a 1 year no upfront Compute Savings Plan",
        "ChargeFrequency": "Usage-Based",
        "CommitmentDiscountStatus": "Unused",
        "ConsumedQuantity": Decimal(24),
        "ConsumedUnit": "Hours",
        "EffectiveCost": left,
        "SkuPriceId": f"{PLAN['CommitmentDiscountName']}/unused",
    }


def _fee(
    day: date,
    per_hour: Decimal,
    commitment: Row,
    *,
    service: str,
    category: str = "Compute",
) -> Row:
    """Give a day's recurring fee of a commitment; what it covers carries the effective cost."""
    return (
        _row("platform", start=day, end=day + timedelta(days=1))
        | commitment
        | {
            "BilledCost": per_hour * 24,
            "ChargeCategory": "Purchase",
            "ChargeDescription": f"{commitment['CommitmentDiscountName']}, hourly fee",
            "ChargeFrequency": "Recurring",
            "ContractedCost": per_hour * 24,
            "ContractedUnitPrice": per_hour,
            "EffectiveCost": Decimal(0),
            "ListCost": per_hour * 24,
            "ListUnitPrice": per_hour,
            "PricingCategory": "Committed",
            "PricingQuantity": Decimal(24),
            "PricingUnit": "Hours",
            "ServiceCategory": category,
            "ServiceName": service,
            "SkuId": commitment["CommitmentDiscountName"],
            "SkuPriceId": f"{commitment['CommitmentDiscountName']}/{per_hour}",
        }
    )


def _monthly(daily: list[Row]) -> list[Row]:
    """Give what is charged once a month: a subscription, a tax, a credit and a correction."""
    subscription = _flat(
        "platform",
        "Observability Cloud Pro",
        "Purchase",
        "Observability Cloud Pro, 40 hosts, monthly subscription",
        Decimal("920.00"),
    ) | {"ChargeFrequency": "Recurring", "PublisherName": "Observability Cloud Ltd."}
    euros = [row for row in daily if row["BillingCurrency"] == "EUR"]
    tax = _flat(
        "analytics-eu",
        "Tax",
        "Tax",
        "VAT 19 %",
        sum((_cost(row) for row in euros), Decimal(0)) * Decimal("0.19"),
        provider="Microsoft",
    )
    credit = _flat(
        "web-prod", "AWS Credits", "Credit", "Migration programme credit", Decimal("-500.00")
    )
    correction = _flat(
        "data-prod",
        "Amazon Redshift",
        "Usage",
        "Refund for a node that was down on 28 August",
        Decimal("-156.48"),
    ) | {
        "ChargeClass": "Correction",
        "ChargePeriodStart": _instant(date(2025, 8, 28)),
        "ChargePeriodEnd": _instant(date(2025, 8, 29)),
        "ConsumedQuantity": Decimal(-48),
        "ConsumedUnit": "Hours",
        "ServiceCategory": "Analytics",
    }
    return [subscription, tax, credit, correction]


def _cost(row: Row) -> Decimal:
    return Decimal(str(row["EffectiveCost"]))


def _flat(  # noqa: PLR0913 - a row of a table
    account: str,
    service: str,
    category: str,
    description: str,
    amount: Decimal,
    *,
    provider: str = "AWS",
) -> Row:
    row = _row(account, provider=provider, start=FIRST_DAY, end=NEXT_MONTH)
    is_bought = category == "Purchase"
    return row | {
        "BilledCost": amount,
        "ChargeCategory": category,
        "ChargeDescription": description,
        "ChargeFrequency": "One-Time",
        "ContractedCost": amount,
        "ContractedUnitPrice": amount if is_bought else None,
        "EffectiveCost": amount,
        "ListCost": amount,
        "ListUnitPrice": amount if is_bought else None,
        "PricingCategory": "Standard" if is_bought else None,
        "PricingQuantity": Decimal(1) if is_bought else None,
        "PricingUnit": "Units" if is_bought else None,
        "ServiceCategory": "Other",
        "ServiceName": service,
        "SkuId": service if is_bought else None,
        "SkuPriceId": f"{service}/{amount}" if is_bought else None,
    }


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value.normalize() + 0:f}"
        case _:
            return str(value)


def table() -> str:
    """Give the bill as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_text(row[name]) for name in COLUMNS] for row in rows())
    return text.getvalue()


def main() -> None:
    """Write the bill."""
    with TARGET.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write(table().encode())


if __name__ == "__main__":
    main()
