"""Chemistry and rated capacity as a file says them: names of the trade to ours; what cannot be is said and not believed."""

import re

import polars as pl

from evloom.store.battery.account import Account, Note

CHEMISTRY = Note("frames.chemistry-unknown", "warning", "chemistry", "NMC, LFP or Na", "told by the voltages where they show it")
RATED = Note("frames.capacity-range", "warning", "capacity_ah", "0.5 to 5,000 Ah", "read as unknown")
LEAST_AH, MOST_AH = 0.5, 5000.0
NAMES = {
    "NMC": ("nmc", "ncm", "nca", "ncma", "linimncoo", "ternary", "三元", "三元锂", "三元锂电池"),
    "LFP": ("lfp", "lifepo", "ironphosphate", "lithiumironphosphate", "磷酸铁锂", "磷酸铁锂电池"),
    "Na": ("na", "naion", "sib", "sodium", "sodiumion", "钠离子", "钠离子电池"),
}
"""Names in small letters without digits and signs: NMC811, LiFePO4 and Na-ion are read as well."""
_OURS = {word: name for name, words in NAMES.items() for word in words}
_UNSAID = ("", "unknown")


def said_of_pack(table: pl.DataFrame, source: str, account: Account) -> pl.DataFrame:
    """The table with `chemistry` by our names, "" where it is none of them, and `capacity_ah` only where it can be one."""
    chemistry = {text: _chemistry(text, source, account) for text in table["chemistry"].unique().drop_nulls().to_list()}
    if any(text != name for text, name in chemistry.items()):
        table = table.with_columns(pl.col("chemistry").replace_strict(chemistry, default="", return_dtype=pl.String))
    rated_ah = table["capacity_ah"].fill_nan(None)
    odd = rated_ah.drop_nulls().unique()
    odd = odd.filter(~odd.is_between(LEAST_AH, MOST_AH))
    if not len(odd):
        return table
    for value in odd.head(3):
        account.whole(RATED, source, f"{value:g} Ah")
    fits = pl.col("capacity_ah").is_between(LEAST_AH, MOST_AH)
    return table.with_columns(pl.when(fits).then(pl.col("capacity_ah")).otherwise(None).alias("capacity_ah"))


def _chemistry(text: str, source: str, account: Account) -> str:
    word = re.sub(r"[\W\d_]", "", text.lower())
    if word not in _OURS and word not in _UNSAID:
        account.whole(CHEMISTRY, source, repr(text[:40]))
    return _OURS.get(word, "")
