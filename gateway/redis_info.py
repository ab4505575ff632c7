"""What Redis tells of itself by INFO: pure."""


def parse_info(text: bytes) -> dict[str, str]:
    """The fields of INFO's answer (https://redis.io/docs/latest/commands/info/)."""
    pairs = (line.partition(":") for line in text.decode("utf-8", "replace").splitlines() if not line.startswith("#"))
    return {name: value for name, separator, value in pairs if separator}
