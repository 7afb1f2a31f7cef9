"""What the emitters share: C++ types, version conditions, file heads."""

TYPES = {"bool": "bool", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "uint32": "uint32_t",
         "int64": "int64_t", "string": "std::string", "bytes": "Bytes", "records": "Records", "uuid": "Uuid"}
METHODS = {name: name for name in TYPES} | {"bool": "boolean"}


def item_type(field):
    return TYPES.get(field.type, field.type)


def member_type(field):
    inner = f"std::vector<{item_type(field)}>" if field.is_array else item_type(field)
    return f"std::optional<{inner}>" if field.nullable else inner


def default_value(field):
    """The member's initialiser, or None where the type's own will do."""
    if field.is_array or field.nullable or field.type in ("string", "bytes", "records", "uuid"):
        return None
    return field.default or ("false" if field.type == "bool" else "0")


def version_test(inner, outer):
    """C++ for "inner holds", given that outer does; None where that is always so."""
    tests = []
    if inner.low > outer.low:
        tests.append(f"version >= {inner.low}")
    if inner.high < outer.high:
        tests.append(f"version <= {inner.high}")
    return " && ".join(tests) or None


def null_rule(field):
    """C++ for the Null argument of a nullable field."""
    test = version_test(field.nullable, field.versions)
    return f"{test} ? Null::allowed : Null::refused" if test else "Null::allowed"


def guarded(test, statement):
    return f"  if ({test}) {statement}" if test else f"  {statement}"


def comment_lines(text):
    return [f"// {line}".rstrip() for line in text.splitlines()]


def generated_note(source):
    return f"// Generated from {source} by src/kafka/generate.py: change the schema, not this file."
