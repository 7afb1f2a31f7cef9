#!/usr/bin/env python3
"""Writes the Kafka codecs: generate.py OUT_FOLDER SCHEMA...

One .hpp and .cpp for each schema, and four files about all of them. The build runs this
(generate.cmake); its output goes to the build folder. Python's standard library only.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from generator import emit_header, emit_source, emit_table, schema  # noqa: E402


def load(paths):
    apis = []
    for path in paths:
        api = schema.parse(path.read_text(), str(path))
        if path.stem != schema.snake_case(api.name):
            raise schema.SchemaError(f"{path}:1: {api.name} belongs in {schema.snake_case(api.name)}.schema")
        if any(other.key == api.key for other in apis):
            raise schema.SchemaError(f"{path}:1: a second API with key {api.key}")
        apis.append(api)
    return sorted(apis, key=lambda api: api.key)


def outputs(apis):
    files = {"api_table.hpp": emit_table.emit_table(apis), "api_keys.hpp": emit_table.emit_keys(apis),
             "messages.hpp": emit_table.emit_messages(apis), "random_fill.hpp": emit_table.emit_random(apis)}
    for api in apis:
        stem = schema.snake_case(api.name)
        source = f"src/kafka/schema/{stem}.schema"
        files[f"{stem}.hpp"] = emit_header.emit(api, source)
        files[f"{stem}.cpp"] = emit_source.emit(api, source)
    return files


def write_if_changed(path, text):
    """An untouched file spares its users a rebuild."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    folder = Path(arguments[0])
    try:
        apis = load(Path(argument) for argument in arguments[1:])
    except schema.SchemaError as error:
        sys.exit(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in outputs(apis).items():
        write_if_changed(folder / name, text)


if __name__ == "__main__":
    main(sys.argv[1:])
