"""The two ways in which bytes and messages can disagree.

Both name the message class and, where there is one, the field, so that the sentence can be shown to
the person whose configuration or whose client caused it.
"""


class CodecError(ValueError):
    """A message and its wire form cannot be turned into each other."""


class EncodeError(CodecError):
    """A Python value does not fit the protobuf type of its field.

    Attributes:
        message: Name of the message class that holds the field.
        field: Name of the field; empty when the message as a whole is at fault.
    """

    def __init__(self, message: str, field: str, reason: str) -> None:
        where = f"{message}.{field}" if field else message
        super().__init__(f"cannot encode {where}: {reason}")
        self.message = message
        self.field = field


class DecodeError(CodecError):
    """Bytes are not a valid encoding of the message class that they were read as.

    Attributes:
        message: Name of the message class that was being read.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(f"cannot decode {message}: {reason}")
        self.message = message
