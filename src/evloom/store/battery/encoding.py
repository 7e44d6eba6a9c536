"""Text of csv files that is no UTF-8: spreadsheets of China save GB 18030."""

from evloom.store.battery.account import Account, Note

ENCODED = Note("frames.text-encoding", "repaired", None, "UTF-8", "read as GB 18030")
WIDE = (b"\xff\xfe", b"\xfe\xff")


def first_line(raw: bytes) -> tuple[str, bool]:
    """The text of a header, and whether it is GB 18030. Raises RuntimeError where it is UTF-16, UnicodeDecodeError where it is no text."""
    if raw.startswith(WIDE):
        raise RuntimeError("UTF-16 text: save it as CSV UTF-8")
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), False
    except UnicodeDecodeError:
        text = raw.decode("gb18030")
        if not text.strip("\r\n").isprintable():
            raise
        return text, True


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
