"""Files about all APIs together: the table, the list of message types, and random_fill for tests."""

from . import cpp
from .schema import nested_structs, snake_case

SOURCE = "src/kafka/schema"


def emit_table(apis):
    lines = ["// Every API that has a schema, by ascending key.", cpp.generated_note(SOURCE),
             "#pragma once", "", "#include <array>", "#include <cstdint>", "",
             '#include "kafka/api.hpp"', "", "namespace ringmain::kafka {", "",
             f"inline constexpr std::array<Api, {len(apis)}> api_table{{{{"]
    for api in apis:
        lines.append(f'    {{{api.key}, "{api.name}", {api.versions.low}, {api.versions.high}, '
                     f"{api.flexible_from}}},")
    return "\n".join([*lines, "}};", "", "}  // namespace ringmain::kafka", ""])


def emit_keys(apis):
    lines = ["// The numbers of the APIs, for switch statements.", cpp.generated_note(SOURCE),
             "#pragma once", "", "#include <cstdint>", "", "namespace ringmain::kafka {", "",
             "enum class ApiKey : int16_t {"]
    lines += [f"  {snake_case(api.name)} = {api.key}," for api in apis]
    return "\n".join([*lines, "};", "", "}  // namespace ringmain::kafka", ""])


def emit_messages(apis):
    names = [f'    {struct.name}' for api in apis for struct in api.messages]
    requests, responses = ([f'    {api.messages[i].name}' for api in apis] for i in (0, 1))
    return "\n".join([
        "// Every message type as a list, for whoever goes through all of them (tests, fuzzers).",
        cpp.generated_note(SOURCE), "#pragma once", "",
        *[f'#include "kafka/generated/{snake_case(api.name)}.hpp"' for api in apis], "",
        "namespace ringmain::kafka {", "",
        "template <template <class...> class List>", "using AllRequests = List<",
        ",\n".join(requests) + ">;", "",
        "template <template <class...> class List>", "using AllResponses = List<",
        ",\n".join(responses) + ">;", "",
        "template <template <class...> class List>", "using AllMessages = List<",
        ",\n".join(names) + ">;", "", "}  // namespace ringmain::kafka", ""])


def random_fill(struct, name):
    lines = ["template <class Random>",
             f"void random_fill({name}& out, [[maybe_unused]] int16_t version, Random& random) {{"]
    for field in struct.fields:
        call = f"random.fill(out.{field.name}, version);"
        if field.nullable:
            call = f"random.fill_nullable(out.{field.name}, version, {cpp.null_rule(field)});"
        lines.append(cpp.guarded(cpp.version_test(field.versions, struct.versions), call))
    return [*lines, "}", ""]


def emit_random(apis):
    lines = ["// Test support: gives every field that a version has a random value.",
             "// `random` has fill(value, version) and fill_nullable(value, version, Null).",
             cpp.generated_note(SOURCE), "#pragma once", "", '#include "kafka/generated/messages.hpp"', "",
             "namespace ringmain::kafka {", ""]
    for api in apis:
        for struct in api.messages:
            for inner in nested_structs(struct):
                lines += random_fill(inner, f"{struct.name}::{inner.name}")
            lines += random_fill(struct, struct.name)
    return "\n".join([*lines, "}  // namespace ringmain::kafka", ""])
