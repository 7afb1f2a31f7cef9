"""The generator: what it reads from a schema, and what it refuses with file and line."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "src" / "kafka"))

from generator import emit_header, emit_source, schema  # noqa: E402

HEAD = "# Some: an example.\napi Some\nkey 99\nversions 0-4\nflexible 3+\n"


def parse(request, response="  ok bool"):
    return schema.parse(f"{HEAD}request\n{request}\nresponse\n{response}\n", "some.schema")


def request_of(text):
    return parse(text).messages[0]


class Schemas(unittest.TestCase):
    def refused(self, request, why):
        with self.assertRaises(schema.SchemaError) as caught:
            parse(request)
        self.assertIn(why, str(caught.exception))
        self.assertRegex(str(caught.exception), r"^some\.schema:\d+: ")

    def test_reads_name_key_versions_and_comment(self):
        api = parse("  a int8")
        self.assertEqual((api.name, api.key, api.flexible_from), ("Some", 99, 3))
        self.assertEqual(api.comment, "Some: an example.")
        self.assertEqual(api.versions, schema.Range(0, 4))

    def test_reads_ranges_null_default_and_tag(self):
        a, b, c = request_of("  a string?2+ @1-3\n  b int32 @3+ tag 0 = -1\n  c [int64]").fields
        self.assertEqual((a.versions, a.nullable), (schema.Range(1, 3), schema.Range(2, 3)))
        self.assertEqual((b.tag, b.default), (0, "-1"))
        self.assertTrue(c.is_array)

    def test_a_nested_struct_lives_in_its_fields_versions(self):
        topics = request_of("  topics [Topic] @2+\n    name string\n    id uuid @4").fields[0]
        self.assertEqual([f.versions for f in topics.struct.fields], [schema.Range(2, 4), schema.Range(4, 4)])

    def test_an_item_takes_at_least_what_its_shortest_version_takes(self):
        api = parse("  topics [Topic]\n    name string\n    count int32 @2+")
        # Version 0: two bytes of length. Version 2: six. Version 3: one, four, and one for tags.
        self.assertEqual(schema.min_item_bytes(api, api.messages[0].fields[0]), 2)

    def test_refuses_what_makes_no_sense(self):
        self.refused("  a int9", "unknown type 'int9'")
        self.refused("  a [int8", "an array is written [type]")
        self.refused("  a int8?", "int8 has no null")
        self.refused("  a int8\n  a int8", "a second field 'a'")
        self.refused("  a int8 @5+", "outside 0-4")
        self.refused("  a int8 @3-2", "outside 0-4")
        self.refused("  a string?0-4 @2+", "null in versions that lack the field")
        self.refused("  a int8 tag 0", "tags need flexible versions, @3+")
        self.refused("  a int8 @3+ tag 0\n  b int8 @3+ tag 0", "a second tag 0")
        self.refused("  a int8 = 128", "128 does not fit int8")
        self.refused("  a int8 = x", "'x' is no number")
        self.refused("  a string = x", "a default is for")
        self.refused("  a bool = 1", "a default is for")
        self.refused("  a int8\n    b int8", "indented too far")
        self.refused("  a [Topic]", "Topic has no fields")
        self.refused("  a [T]\n    x int8\n  b [T]\n    x int8", "a second struct 'T'")
        self.refused("  api_key int8", "member of every message")
        self.refused("  A int8", "not a field")

    def test_refuses_a_broken_head(self):
        for text in ("", "api some\n", HEAD, HEAD + "request\n  a int8\n", HEAD.replace("key 99", "key x")):
            with self.assertRaises(schema.SchemaError):
                schema.parse(text, "some.schema")


class Code(unittest.TestCase):
    def test_tests_only_the_versions_that_differ(self):
        source = emit_source.emit(parse("  a int8\n  b int8 @1-3\n  t [T] @2+\n    x int8 @2+"), "s")
        self.assertIn('  out.a = reader.int8("Some.request.a");', source)
        self.assertIn("  if (version >= 1 && version <= 3) out.b", source)
        self.assertIn('  out.x = reader.int8("Some.request.t.x");', source)

    def test_knows_a_tag_only_where_its_field_exists(self):
        source = emit_source.emit(parse("  a int8 @4+ tag 0"), "s")
        self.assertIn("if (!(version >= 4)) return false;", source)

    def test_gives_members_their_defaults(self):
        header = emit_header.emit(parse("  a int32 = -1\n  b bool = true\n  c string?\n  d [T]\n    x int8"), "")
        for line in ("  int32_t a = -1;", "  bool b = true;", "  std::optional<std::string> c{};",
                     "  std::vector<T> d{};"):
            self.assertIn(line, header)


if __name__ == "__main__":
    unittest.main()
