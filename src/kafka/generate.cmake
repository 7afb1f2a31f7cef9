# Generates the codecs from schema/*.schema into the build folder and adds them to ringmain_kafka.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(kafka_folder ${CMAKE_CURRENT_LIST_DIR})
set(kafka_generated ${PROJECT_BINARY_DIR}/generated/kafka/generated)
file(GLOB kafka_schemas CONFIGURE_DEPENDS ${kafka_folder}/schema/*.schema)
file(GLOB kafka_generator CONFIGURE_DEPENDS ${kafka_folder}/generate.py ${kafka_folder}/generator/*.py)

set(kafka_outputs)
foreach(stem api_table api_keys messages random_fill)
  list(APPEND kafka_outputs ${kafka_generated}/${stem}.hpp)
endforeach()
foreach(schema IN LISTS kafka_schemas)
  get_filename_component(stem ${schema} NAME_WE)
  list(APPEND kafka_outputs ${kafka_generated}/${stem}.hpp ${kafka_generated}/${stem}.cpp)
endforeach()

add_custom_command(OUTPUT ${kafka_outputs}
  COMMAND Python3::Interpreter ${kafka_folder}/generate.py ${kafka_generated} ${kafka_schemas}
  DEPENDS ${kafka_schemas} ${kafka_generator}
  COMMENT "Generating the Kafka codecs" VERBATIM)
target_sources(ringmain_kafka PRIVATE ${kafka_outputs})
target_include_directories(ringmain_kafka PUBLIC ${PROJECT_BINARY_DIR}/generated)

if(RINGMAIN_TESTS)
  add_test(NAME unit_kafka.generator
    COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tests/unit/kafka/generator_test.py)
  set_tests_properties(unit_kafka.generator PROPERTIES LABELS "unit;fast")
endif()
