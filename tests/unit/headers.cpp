// Where the headers that all unit tests share are compiled: see unit_headers in tests/CMakeLists.txt.
