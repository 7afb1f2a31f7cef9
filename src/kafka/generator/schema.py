"""Reads a schema file into Api, Struct and Field, and refuses what makes no sense.

The language: docs/formats/kafka-schema.md. Every error names file and line.
"""

import re
from dataclasses import dataclass, field as dataclass_field

INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
FIXED_BYTES = {"bool": 1, "int8": 1, "int16": 2, "int32": 4, "uint32": 4, "int64": 8, "uuid": 16}
CLASSIC_LENGTH_BYTES = {"string": 2, "bytes": 4, "records": 4}
SCALARS = {*FIXED_BYTES, *CLASSIC_LENGTH_BYTES}
# Members that every generated message has.
RESERVED = {"message_name", "api_key", "min_version", "max_version", "flexible_from", "encode", "decode"}
NEVER = 32767  # the first flexible version of an API that has none


class SchemaError(Exception):
    """A schema that cannot be used; the text begins with file:line."""


@dataclass(frozen=True)
class Range:
    low: int
    high: int

    def __contains__(self, version):
        return self.low <= version <= self.high

    def covers(self, other):
        return self.low <= other.low and other.high <= self.high

    def versions(self):
        return range(self.low, self.high + 1)


@dataclass
class Field:
    name: str
    type: str              # a scalar, or the name of a struct
    is_array: bool
    versions: Range        # where the field exists
    nullable: Range | None # where it may be null
    default: str | None
    tag: int | None
    comment: str
    path: str              # "Metadata.request.topics.name"
    line: int
    struct: "Struct | None" = None


@dataclass
class Struct:
    name: str
    path: str
    versions: Range
    fields: list = dataclass_field(default_factory=list)

    def plain(self):
        return [f for f in self.fields if f.tag is None]

    def tagged(self):
        return sorted((f for f in self.fields if f.tag is not None), key=lambda f: f.tag)


@dataclass
class Api:
    name: str
    key: int
    versions: Range
    flexible_from: int
    comment: str
    messages: list         # the request and the response, as Struct

    def is_flexible(self, version):
        return version >= self.flexible_from


def snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def nested_structs(struct):
    """The structs inside one message, innermost first: the order in which C++ wants them."""
    found = []
    for field in struct.fields:
        if field.struct:
            found += nested_structs(field.struct) + [field.struct]
    return found


def min_field_bytes(field, compact):
    """The fewest bytes that one value of the field takes on the wire."""
    if field.is_array:
        return 1 if compact else 4
    return min_item_bytes_at(field, compact)


def min_item_bytes_at(field, compact):
    if field.type in FIXED_BYTES:
        return FIXED_BYTES[field.type]
    return 1 if compact else CLASSIC_LENGTH_BYTES[field.type]


def min_item_bytes(api, field):
    """The fewest bytes of one item of an array, in whichever version it is shortest.

    A count above (bytes left / this) is a lie that the reader refuses before it allocates."""
    sizes = []
    for version in field.versions.versions():
        compact = api.is_flexible(version)
        if not field.struct:
            sizes.append(min_item_bytes_at(field, compact))
            continue
        present = [f for f in field.struct.plain() if version in f.versions]
        sizes.append(sum(min_field_bytes(f, compact) for f in present) + compact)
    return max(1, min(sizes))


class Parser:
    """One schema file. Lines with their indentation are the structure; two spaces a level."""

    def __init__(self, text, file_name):
        self.file_name = file_name
        self.lines = []
        self.head_comment = []
        for number, raw in enumerate(text.splitlines(), 1):
            code, _, comment = raw.partition("#")
            if code.strip():
                self.lines.append((number, code.rstrip(), comment.strip()))
            elif comment and not self.lines:
                self.head_comment.append(comment.strip())
        self.next = 0

    def fail(self, line, why):
        raise SchemaError(f"{self.file_name}:{line}: {why}")

    def take(self):
        if self.next == len(self.lines):
            self.fail(self.lines[-1][0] if self.lines else 1, "the file ends too early")
        self.next += 1
        return self.lines[self.next - 1]

    def parse(self):
        name = self.head("api", r"[A-Z][A-Za-z0-9]*")
        key = int(self.head("key", r"\d+"))
        versions = self.range_of(self.head("versions", r"\d+(-\d+)?"), None)
        flexible = self.head("flexible", r"\d+\+|never")
        flexible_from = NEVER if flexible == "never" else int(flexible[:-1])
        api = Api(name, key, versions, flexible_from, "\n".join(self.head_comment), [])
        for word in ("request", "response"):
            line, code, _ = self.take()
            if code != word:
                self.fail(line, f"'{word}' expected")
            message = Struct(name + word.capitalize(), f"{name}.{word}", versions)
            self.names = {message.name}
            self.fields(api, message, 2)
            api.messages.append(message)
        if self.next != len(self.lines):
            self.fail(self.lines[self.next][0], "nothing may follow the response")
        return api

    def head(self, word, pattern):
        line, code, _ = self.take()
        match = re.fullmatch(rf"{word} ({pattern})", code)
        if not match:
            self.fail(line, f"'{word} ...' expected")
        return match.group(1)

    def range_of(self, text, within):
        match = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
        low = int(match.group(1))
        high = within.high if match.group(2) else int(match.group(3) or low)
        return Range(low, high)

    def fields(self, api, struct, indent):
        """The lines at this indentation, and below each array of structs its own."""
        while self.next < len(self.lines):
            line, code, comment = self.lines[self.next]
            depth = len(code) - len(code.lstrip())
            if depth < indent:
                break
            if depth > indent:
                self.fail(line, "indented too far: only an array of structs has fields of its own")
            self.next += 1
            field = self.field(api, struct, line, code.strip(), comment)
            struct.fields.append(field)
            if field.type not in SCALARS:
                field.struct = Struct(field.type, field.path, field.versions)
                self.fields(api, field.struct, indent + 2)
                if not field.struct.fields:
                    self.fail(line, f"{field.type} has no fields")

    FIELD = re.compile(
        r"(?P<name>[a-z][a-z0-9_]*) +(?P<type>\[?\w+\]?)(?P<null>\?(?P<null_range>\d+(?:\+|-\d+)?)?)?"
        r"(?: +@(?P<versions>\d+(?:\+|-\d+)?))?(?: +tag (?P<tag>\d+))?(?: += (?P<default>\S+))?")

    def field(self, api, struct, line, code, comment):
        match = self.FIELD.fullmatch(code)
        if not match:
            self.fail(line, f"not a field: '{code}'")
        is_array = match["type"].startswith("[")
        if is_array != match["type"].endswith("]"):
            self.fail(line, "an array is written [type]")
        versions = self.range_of(match["versions"], struct.versions) if match["versions"] else struct.versions
        nullable = None
        if match["null"]:
            nullable = self.range_of(match["null_range"], versions) if match["null_range"] else versions
        field = Field(match["name"], match["type"].strip("[]"), is_array, versions, nullable,
                      match["default"], int(match["tag"]) if match["tag"] else None,
                      comment, f"{struct.path}.{match['name']}", line)
        self.check(api, struct, field)
        return field

    def check(self, api, struct, field):
        if any(f.name == field.name for f in struct.fields):
            self.fail(field.line, f"a second field '{field.name}'")
        if field.name in RESERVED and struct.name.startswith(api.name):
            self.fail(field.line, f"'{field.name}' is a member of every message")
        if field.versions.low > field.versions.high or not struct.versions.covers(field.versions):
            self.fail(field.line, f"the versions lie outside {struct.versions.low}-{struct.versions.high}")
        if field.nullable:
            if field.nullable.low > field.nullable.high or not field.versions.covers(field.nullable):
                self.fail(field.line, "null in versions that lack the field")
            if not field.is_array and field.type not in CLASSIC_LENGTH_BYTES:
                self.fail(field.line, f"{field.type} has no null")
        if field.type not in SCALARS:
            self.check_struct_name(field)
        if field.tag is not None:
            if not api.is_flexible(field.versions.low):
                self.fail(field.line, f"tags need flexible versions, @{api.flexible_from}+")
            if any(f.tag == field.tag for f in struct.fields):
                self.fail(field.line, f"a second tag {field.tag}")
        if field.default is not None:
            self.check_default(field)

    def check_struct_name(self, field):
        if not field.is_array or not re.fullmatch(r"[A-Z][A-Za-z0-9]*", field.type):
            self.fail(field.line, f"unknown type '{field.type}'")
        if field.type in self.names:
            self.fail(field.line, f"a second struct '{field.type}' in this message")
        self.names.add(field.type)

    def check_default(self, field):
        if field.type == "bool" and not field.is_array and field.default in ("true", "false"):
            return
        bits = INTEGER_BITS.get(field.type)
        if bits is None or field.is_array:
            self.fail(field.line, "a default is for integers (a number) and bool (true, false)")
        if not re.fullmatch(r"-?\d+", field.default):
            self.fail(field.line, f"'{field.default}' is no number")
        # The lowest int64 cannot be written as a C++ literal, and nobody needs it.
        lowest = -(2 ** (bits - 1)) + (bits == 64)
        if not lowest <= int(field.default) < 2 ** (bits - 1):
            self.fail(field.line, f"{field.default} does not fit {field.type}")


def parse(text, file_name):
    return Parser(text, file_name).parse()
