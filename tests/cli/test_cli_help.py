"""Help for every command and every option."""

import re
from importlib.metadata import version

import pytest

from tests.cli.command import Nccli

Help = dict[str, str]


def section(text: str, name: str) -> dict[str, str]:
    """Entries of a section of a help text: what stands on the left, and what it says about it."""
    _, _, rest = text.partition(f"\n{name}:\n")
    entries: dict[str, str] = {}
    key = ""
    for line in rest.partition("\n\n")[0].splitlines():
        if re.match(r"  \S", line):
            key, _, said = line.strip().partition("  ")
            entries[key] = said.strip()
        else:
            entries[key] += " " + line.strip()
    return entries


@pytest.fixture(scope="module")
def helped(tmp_path_factory: pytest.TempPathFactory) -> Help:
    """Help text by command, of all commands that the help names, at any depth."""
    nccli = Nccli(tmp_path_factory.mktemp("help"))
    found: Help = {}
    waiting = [""]
    while waiting:
        texts = nccli.all(f"{command} --help".strip() for command in waiting)
        found |= {command: ended.out for command, ended in zip(waiting, texts.values(), strict=True)}
        waiting = [f"{each} {name}".strip() for each in waiting for name in section(found[each], "Commands")]
    return found


def test_the_commands_are_those_of_the_design(helped: Help) -> None:
    assert {"construct", "train-dufm", "compare", "plot", "runs list", "runs show", "store path"} <= set(helped)


def test_every_command_says_how_it_is_called_and_what_it_does(helped: Help) -> None:
    for command, text in helped.items():
        usage, _, summary, *_ = text.splitlines()
        assert usage.startswith(f"Usage: nccli {command}".rstrip())
        assert len(summary.strip()) > 10, command


def test_every_option_and_argument_says_what_it_does(helped: Help) -> None:
    for command, text in helped.items():
        entries = {**section(text, "Options"), **section(text, "Arguments")}
        assert any("--help" in entry for entry in entries)
        for entry, said in entries.items():
            assert len(said.strip()) > 3, f"nccli {command}: {entry}"


def test_every_command_is_summed_up_in_the_list_of_commands_without_being_cut(helped: Help) -> None:
    for command, text in helped.items():
        for name, said in section(text, "Commands").items():
            assert said, f"{command} {name}"
            assert not said.endswith("..."), f"{command} {name}: {said}"


@pytest.mark.parametrize("group", ["", "runs", "store"])
def test_without_a_command_the_help_is_shown_as_it_is(run: Nccli, helped: Help, group: str) -> None:
    ended = run(group, code=None)
    assert ended.code in (0, 2)
    assert (ended.out + ended.err).strip() == helped[group].strip()


def test_the_version_is_that_of_the_package(run: Nccli) -> None:
    assert run("--version").out == f"nccli {version('nccli')}\n"
    assert run.sh("python -m nccli --version").out == f"nccli {version('nccli')}\n"
