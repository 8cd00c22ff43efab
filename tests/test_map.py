"""The map of the house leads to every file there is, and to none that is not."""

import re

from tests.test_house import HOUSE, ROOMS, room_of, sources


def test_the_map_names_every_file_once() -> None:
    named, folder = [], ""
    for line in (HOUSE / "docs" / "map.md").read_text("utf-8").splitlines():
        folder = line.removeprefix("## ") if line.startswith("## ") else folder
        named += [f"{folder}{name}.py" for name in re.findall(r"`(\w+)`", line)]
    there = [str(path.relative_to(HOUSE)) for path in sources() if room_of(path) in ROOMS if path.stem != "__init__"]
    assert sorted(named) == sorted(there)
