from decimal import Decimal

import pytest

from agent.workflows.cost.money import money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.56", "USD", "USD 1,234.56"),
        ("1234.565", "USD", "USD 1,234.56"),
        ("1234.575", "EUR", "EUR 1,234.58"),
        ("1234.5", "JPY", "JPY 1,234"),
        ("1.2345", "KWD", "KWD 1.234"),
        ("-0.5", "USD", "USD -0.50"),
        ("0", "USD", "USD 0.00"),
        ("-0.000", "USD", "USD 0.00"),
        ("0.004", "USD", "USD 0.0040"),
        ("-0.0000123456", "USD", "USD -0.000012"),
        ("1E+3", "USD", "USD 1,000.00"),
        ("0.1", "JPY", "JPY 0.10"),
    ],
)
def test_an_amount_is_written_in_its_currency_and_never_as_zero_if_it_is_not(
    amount: str, currency: str, text: str
) -> None:
    assert money(Decimal(amount), currency) == text
