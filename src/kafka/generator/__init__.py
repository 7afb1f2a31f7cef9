"""The parts of src/kafka/generate.py: schema.py reads, emit_*.py write C++."""
