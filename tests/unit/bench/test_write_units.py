import pytest

from bench.write_units import item_bytes, transaction_units


def test_an_item_is_as_large_as_its_names_and_values() -> None:
    item = {"PK": {"S": "abcd"}, "total": {"N": "12345"}, "done": {"BOOL": True}}

    assert item_bytes(item) == (2 + 4) + (5 + 4) + (4 + 1)


def test_text_counts_in_bytes_of_utf_8() -> None:
    assert item_bytes({"é": {"S": "ü"}}) == 4


def test_zeros_at_the_ends_of_a_number_take_no_room() -> None:
    assert item_bytes({"n": {"N": "1200"}}) == item_bytes({"n": {"N": "0.12"}}) == 1 + 2
    assert item_bytes({"n": {"N": "-12"}}) == 1 + 3


def test_a_document_takes_three_bytes_and_one_for_each_element() -> None:
    assert item_bytes({"m": {"M": {"a": {"S": "bc"}}}}) == 1 + 3 + 1 + (1 + 2)


def test_a_type_that_no_record_uses_is_refused() -> None:
    with pytest.raises(ValueError, match=r"attribute is \{'L': \[\]\}"):
        item_bytes({"list": {"L": []}})


def test_a_transaction_takes_two_units_for_each_begun_kb_of_an_item() -> None:
    assert transaction_units({"a": 1, "b": 1024, "c": 1025}, moved_entries=0) == 2 + 2 + 4


def test_an_index_entry_that_moves_is_removed_and_put() -> None:
    assert transaction_units({"a": 1}, moved_entries=1) == 4
