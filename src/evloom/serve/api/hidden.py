"""What is secret in messages to stations: passwords that we set are not shown again, wherever the message is shown."""

import re
from typing import Any

HIDDEN = "(hidden)"
_TEXT = r'"(?:[^"\\]|\\.)*"'
_BY_NAME = re.compile(rf'("\w*(?:password|psk|simPin)\w*"\s*:\s*){_TEXT}', re.IGNORECASE)
_VALUE = re.compile(rf'("(?:value|attributeValue)"\s*:\s*){_TEXT}')
_SECRET = re.compile("AuthorizationKey|BasicAuthPassword|WebPaymentsSharedSecret|SharedSecret", re.IGNORECASE)
"""Variables and configuration keys whose value is a secret."""


def in_text(text: str) -> str:
    """A message as it went over the wire, perhaps cut off, without secrets."""
    text = _BY_NAME.sub(rf'\1"{HIDDEN}"', text)
    return _VALUE.sub(rf'\1"{HIDDEN}"', text) if _SECRET.search(text) else text


def in_document(content: Any) -> Any:
    """A command as JSON-ready objects without secrets: values of secret variables, and whatever is called a password."""
    if isinstance(content, list):
        return [in_document(item) for item in content]
    if not isinstance(content, dict):
        return in_text(content) if isinstance(content, str) and content[:1] in "{[" else content
    variable = content.get("variable")
    is_secret = isinstance(variable, dict) and bool(_SECRET.search(str(variable.get("name", ""))))
    found = {}
    for name, value in content.items():
        if (is_secret and name == "value") or (isinstance(value, str) and "password" in name.lower() and value):
            found[name] = HIDDEN
        else:
            found[name] = in_document(value)
    return found
