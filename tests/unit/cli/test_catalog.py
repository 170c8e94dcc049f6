import inspect

import pytest
import typer

from cli.app import app
from cli.catalog import COMMANDS, ListedCommand, Listing


def test_each_command_is_listed_once() -> None:
    names = [each.name for each in COMMANDS]

    assert list(typer.main.get_group(app).commands) == names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("listing", COMMANDS, ids=lambda each: each.name)
def test_a_command_s_line_in_the_help_is_the_first_sentence_of_its_own(listing: Listing) -> None:
    said = inspect.cleandoc(ListedCommand(listing).loaded().help)

    assert " ".join(said.partition("\n\n")[0].split()) == listing.summary
