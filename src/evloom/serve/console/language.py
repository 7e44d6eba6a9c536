"""Two languages. English stands in templates and pages as it is; Chinese is looked up by it."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Literal

from evloom.serve.console.chinese import CHINESE, CODES

Lang = Literal["en", "zh"]
COOKIE = "evloom_language"
_AGE_S = 365 * 86400


def said(text: str, lang: Lang, **values: object) -> str:
    """A sentence or the word for a code in a language, values in braces filled in. What is in neither list (a name, a word of a charger)
    stays as it is."""
    if lang == "zh":
        words = CHINESE.get(text) or (CODES[text][1] if text in CODES else text)
    else:
        words = text if text in CHINESE or text not in CODES else CODES[text][0]
    return words.format(**values) if values else words


def chosen(headers: Mapping[str, str]) -> Lang:
    """The language: the one that was chosen, else the browser's first that we speak, else English."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    if COOKIE in cookies and cookies[COOKIE].value in ("en", "zh"):
        return "zh" if cookies[COOKIE].value == "zh" else "en"
    ranked = sorted(_ranked(headers.get("accept-language", "")), key=lambda pair: -pair[1])
    for name, _ in ranked:
        if name.startswith(("zh", "en")):
            return "zh" if name.startswith("zh") else "en"
    return "en"


def cookie(lang: Lang, *, secure: bool) -> str:
    """Value of Set-Cookie that keeps the choice."""
    return f"{COOKIE}={lang}; Path=/; Max-Age={_AGE_S}; SameSite=Lax{'; Secure' if secure else ''}"


def _ranked(header: str) -> list[tuple[str, float]]:
    found = []
    for part in header[:1000].split(","):
        name, _, weight = part.strip().lower().partition(";")
        try:
            found.append((name.strip(), float(weight.strip().removeprefix("q=")) if weight else 1.0))
        except ValueError:
            continue
    return [pair for pair in found if pair[0]]
