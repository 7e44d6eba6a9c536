"""Every key of a TOML text gets the line it stands on."""

import tomllib

import pytest

from evloom.simulate.scenario.lines import LineIndex

TEXT = """\
name = "a # b"   # not a comment inside the string
site.voltage_v = 230

[transformer]
rating_kva = 250
"quoted key" = 1
'literal' = 'c:\\path'

[[pile]]
id = "A"
nested = { x = 1, y = { z = [1, 2] }, 'w' = "}" }

[[pile]]  # the second
id = "B"
points = [
  [0.0, 50],  # comment with ] and }
  [
    1.0,
    10,
  ],
]
text = \"\"\"
id = "not a key" \"\"\"\"
after = 1
raw = '''
[no.table]''''
last = 2

[pile.deep]
x = 1

[tariff]
periods = [
  { start = "00:00", price_per_kwh = 0.5 },

  # the dear hours
  { start = "08:00", price_per_kwh = 0.9 },
]
when = 2019-06-01 00:00:00
[a.b.c]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("name", 1),
        ("site", 2),
        ("site.voltage_v", 2),
        ("transformer", 4),
        ("transformer.rating_kva", 5),
        ("transformer.quoted key", 6),
        ("transformer.literal", 7),
        ("pile", 9),
        ("pile[0]", 9),
        ("pile[0].id", 10),
        ("pile[0].nested.y.z", 11),
        ("pile[0].nested.w", 11),
        ("pile[1]", 13),
        ("pile[1].id", 14),
        ("pile[1].points", 15),
        ("pile[1].points[0]", 16),
        ("pile[1].points[1]", 17),
        ("pile[1].points[1][1]", 19),
        ("pile[1].text", 22),
        ("pile[1].after", 24),
        ("pile[1].raw", 25),
        ("pile[1].last", 27),
        ("pile[1].deep.x", 30),
        ("tariff.periods[0].start", 34),
        ("tariff.periods[1]", 37),
        ("tariff.periods[1].price_per_kwh", 37),
        ("tariff.when", 39),
        ("a.b", 40),
        ("a.b.c", 40),
    ],
)
def test_line_of_key(path, line):
    tomllib.loads(TEXT)
    index = LineIndex(TEXT)
    assert path in index.lines
    assert index.line_of(path) == line


def test_missing_key_is_placed_at_its_table():
    index = LineIndex(TEXT)
    assert index.line_of("pile[1].rating_kw") == 13
    assert index.line_of("tariff.periods[1].category") == 37
    assert index.line_of("carbon.file") is None


def test_every_key_of_the_text_is_found():
    """The index and tomllib agree on which keys there are."""
    paths: set[str] = set()

    def walk(value, path):
        if path:
            paths.add(path)
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{path}.{key}" if path else key)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                walk(item, f"{path}[{number}]")

    walk(tomllib.loads(TEXT), "")
    assert set(LineIndex(TEXT).lines) == paths


@pytest.mark.parametrize("text", ["", "\n\n# only a comment", "a = 1", "\r\na = 1\r\n[t]\r\nb = 2\r\n"])
def test_small_texts(text):
    assert set(LineIndex(text).lines) == {"a", "t", "t.b"} & set(LineIndex(text).lines)
    assert bool(LineIndex(text).lines) == bool(tomllib.loads(text))
