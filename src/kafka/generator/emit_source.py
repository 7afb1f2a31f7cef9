"""The .cpp of one API: a read and a write function for each struct, then encode and decode."""

from . import cpp
from .schema import NEVER, min_item_bytes, nested_structs, snake_case


def read_item(field):
    if field.struct:
        return f"read_{snake_case(field.struct.cpp_suffix)}(reader, version)"
    return scalar_read(field)


def scalar_read(field):
    encoding = ", encoding" if field.type in ("string", "bytes", "records") else ""
    return f'reader.{cpp.METHODS[field.type]}("{field.path}"{encoding})'


def read_value(api, field):
    null = f", {cpp.null_rule(field)}" if field.nullable else ""
    prefix = "nullable_" if field.nullable else ""
    if field.is_array:
        item = f"{field.struct.cpp_name}" if field.struct else cpp.item_type(field)
        return (f'reader.{prefix}array<{item}>("{field.path}", encoding{null}, '
                f"{min_item_bytes(api, field)}, [&] {{ return {read_item(field)}; }})")
    if field.nullable:
        return f'reader.nullable_{field.type}("{field.path}", encoding{null})'
    return scalar_read(field)


def write_item(field, writer, value):
    if field.struct:
        return f"write_{snake_case(field.struct.cpp_suffix)}({writer}, {value}, version);"
    encoding = ", encoding" if field.type in ("string", "bytes", "records") else ""
    return f"{writer}.{cpp.METHODS[field.type]}({value}{encoding});"


def write_value(field, writer, value):
    null = f", {cpp.null_rule(field)}" if field.nullable else ""
    prefix = "nullable_" if field.nullable else ""
    if field.is_array:
        item = write_item(field, writer, "item")
        return f"{writer}.{prefix}array({value}, encoding{null}, [&](const auto& item) {{ {item} }});"
    if field.nullable:
        return f"{writer}.nullable_{field.type}({value}, encoding{null});"
    return write_item(field, writer, value)


def differs_from_default(field, value):
    if field.nullable:
        return f"{value}.has_value()"
    if field.is_array or field.type in ("string", "bytes", "records"):
        return f"!{value}.empty()"
    if field.type == "uuid":
        return f"{value} != Uuid{{}}"
    return f"{value} != {cpp.default_value(field)}"


def read_fields(api, struct, target):
    lines = [cpp.guarded(cpp.version_test(f.versions, struct.versions),
                         f"{target}{f.name} = {read_value(api, f)};") for f in struct.plain()]
    if api.flexible_from == NEVER:
        return lines
    if not struct.tagged():
        return [*lines, f'  if (encoding == Encoding::compact) reader.skip_tags("{struct.path}");']
    lines += ["  if (encoding == Encoding::compact) {",
              f'    reader.tags("{struct.path}", [&](uint32_t tag) {{',
              "      switch (tag) {"]
    for field in struct.tagged():
        known = cpp.version_test(field.versions, struct.versions)
        lines += [f"        case {field.tag}:"]
        if known:
            lines += [f"          if (!({known})) return false;"]
        lines += [f"          {target}{field.name} = {read_value(api, field)};",
                  "          return true;"]
    return [*lines, "        default:", "          return false;", "      }", "    });", "  }"]


def write_fields(api, struct, source):
    lines = [cpp.guarded(cpp.version_test(f.versions, struct.versions),
                         write_value(f, "writer", source + f.name)) for f in struct.plain()]
    if api.flexible_from == NEVER:
        return lines
    if not struct.tagged():
        return [*lines, "  if (encoding == Encoding::compact) writer.no_tags();"]
    lines += ["  if (encoding == Encoding::compact) {", "    TagSection tags;"]
    for field in struct.tagged():
        tests = [cpp.version_test(field.versions, struct.versions),
                 differs_from_default(field, source + field.name)]
        lines += [f"    if ({' && '.join(t for t in tests if t)})",
                  f"      tags.add({field.tag}, [&](Writer& tag_writer) {{ "
                  f"{write_value(field, 'tag_writer', source + field.name)} }});"]
    return [*lines, "    writer.tags(tags);", "  }"]


ENCODING = "  [[maybe_unused]] const Encoding encoding = encoding_of(version);"


def nested_functions(api, struct):
    name, suffix = struct.cpp_name, snake_case(struct.cpp_suffix)
    return [f"{name} read_{suffix}(Reader& reader, [[maybe_unused]] int16_t version) {{",
            ENCODING, f"  {name} out;", *read_fields(api, struct, "out."), "  return out;", "}", "",
            f"void write_{suffix}(Writer& writer, const {name}& value, [[maybe_unused]] int16_t version) {{",
            ENCODING, *write_fields(api, struct, "value."), "}", ""]


def message_functions(api, struct):
    name = struct.name
    return [f"void {name}::encode(Writer& writer, int16_t version) const {{",
            "  if (!writer.accepts_version(message_name, version, min_version, max_version)) return;",
            ENCODING, *write_fields(api, struct, ""), "}", "",
            f"Result<{name}> {name}::decode(Reader& reader, int16_t version) {{",
            "  if (version < min_version || version > max_version) return unknown_version(message_name, version);",
            ENCODING, f"  {name} out;", *read_fields(api, struct, "out."),
            "  RINGMAIN_TRY(reader.finish(message_name));", "  return out;", "}", ""]


def name_structs(api):
    """Gives every nested struct the name by which its functions call it."""
    for struct in api.messages:
        for inner in nested_structs(struct):
            inner.cpp_name = f"{struct.name}::{inner.name}"
            inner.cpp_suffix = struct.name[len(api.name):] + inner.name


def emit(api, source):
    name_structs(api)
    flexible = "Encoding::classic"
    if api.flexible_from <= api.versions.low:
        flexible = "Encoding::compact"
    elif api.flexible_from != NEVER:
        flexible = f"version >= {api.flexible_from} ? Encoding::compact : Encoding::classic"
    lines = [f"// The codec of {api.name}.", cpp.generated_note(source),
             f'#include "kafka/generated/{snake_case(api.name)}.hpp"', "",
             "#include <utility>", "", '#include "kafka/reader.hpp"', '#include "kafka/writer.hpp"', "",
             "namespace ringmain::kafka {", "namespace {", "",
             "constexpr Encoding encoding_of([[maybe_unused]] int16_t version) {",
             f"  return {flexible};", "}", ""]
    for struct in api.messages:
        for inner in nested_structs(struct):
            lines += nested_functions(api, inner)
    lines += ["}  // namespace", ""]
    for struct in api.messages:
        lines += message_functions(api, struct)
    return "\n".join([*lines, "}  // namespace ringmain::kafka", ""])
