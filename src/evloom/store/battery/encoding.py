"""Text of csv files that is no UTF-8: spreadsheets of China save GB 18030."""

from contextlib import suppress

from evloom.store.battery.account import Account, Note

ENCODED = Note("frames.text-encoding", "repaired", None, "UTF-8", "read as GB 18030")
WIDE = (b"\xff\xfe", b"\xfe\xff")


def first_line(raw: bytes) -> tuple[str, bool]:
    """The text of a header, and whether it is GB 18030. Raises RuntimeError where it is UTF-16 or no text."""
    if raw.startswith(WIDE):
        raise RuntimeError("UTF-16 text: save it as CSV UTF-8")
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            text = raw.removeprefix(b"\xef\xbb\xbf").decode(encoding)
            if encoding == "utf-8" or text.strip("\r\n").isprintable():
                return text, encoding != "utf-8"
    raise RuntimeError("bytes that are no text")


def as_utf8(block: bytes, source: str, account: Account) -> bytes:
    """Whole lines as UTF-8; those that are not are taken as GB 18030, in which no byte of a letter is a comma or the end of a line."""
    if block.isascii():
        return block
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        account.whole(ENCODED, source, "text that is no UTF-8")
        return block.decode("gb18030", "replace").encode("utf-8")
    return block
