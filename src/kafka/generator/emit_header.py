"""The .hpp of one API: its request and response as plain structs."""

from . import cpp
from .schema import nested_structs


def members(struct, indent):
    lines = []
    for field in struct.fields:
        value = cpp.default_value(field)
        line = f"{indent}{cpp.member_type(field)} {field.name}"
        # {}: without it, g++ warns of every member that a designated initialiser leaves out.
        line += f" = {value};" if value is not None else "{};"
        notes = []
        if field.versions != struct.versions:
            notes.append(f"versions {field.versions.low}-{field.versions.high}")
        if field.comment:
            notes.append(field.comment)
        lines.append(line + ("  // " + "; ".join(notes) if notes else ""))
    return lines


def message(api, struct):
    lines = [f"struct {struct.name} {{",
             f'  static constexpr const char* message_name = "{struct.path}";',
             f"  static constexpr int16_t api_key = {api.key};",
             f"  static constexpr int16_t min_version = {api.versions.low};",
             f"  static constexpr int16_t max_version = {api.versions.high};",
             f"  static constexpr int16_t flexible_from = {api.flexible_from};",
             ""]
    for inner in nested_structs(struct):
        lines += [f"  struct {inner.name} {{", *members(inner, "    "),
                  f"    bool operator==(const {inner.name}&) const = default;", "  };"]
    lines += [*members(struct, "  "),
              "",
              "  // A field that the version lacks is left out.",
              "  void encode(Writer& writer, int16_t version) const;",
              "  // Takes all the bytes that are left; a field that the version lacks keeps its default.",
              f"  static Result<{struct.name}> decode(Reader& reader, int16_t version);",
              f"  bool operator==(const {struct.name}&) const = default;",
              "};", ""]
    return lines


def uses_records(api):
    structs = [s for message in api.messages for s in (*nested_structs(message), message)]
    return any(field.type == "records" for struct in structs for field in struct.fields)


def emit(api, source):
    lines = [*cpp.comment_lines(api.comment), cpp.generated_note(source),
             "#pragma once", "",
             "#include <cstdint>", "#include <optional>", "#include <string>", "#include <vector>", "",
             '#include "base/result.hpp"', *(['#include "kafka/records.hpp"'] if uses_records(api) else []), '#include "kafka/wire_types.hpp"', "",
             "namespace ringmain::kafka {", "", "class Reader;", "class Writer;", ""]
    for struct in api.messages:
        lines += message(api, struct)
    return "\n".join([*lines, "}  // namespace ringmain::kafka", ""])
