// How consume prints a record: kcat's tokens, or JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/json.hpp"
#include "ringmain/record.hpp"

namespace ringmain::tools {

// A --format text, parsed once.
//   %t topic   %p partition   %o offset   %k key   %s value   %K and %S their sizes in bytes,
//   -1 for null   %T timestamp in ms since 1970   %h headers as k=v,k=v   %% a percent sign
class RecordFormat {
 public:
  // Throws UsageError for a token that there is not.
  explicit RecordFormat(std::string_view format);

  void append_to(std::string& text, const ConsumerRecord& record) const;

 private:
  struct Piece {
    char token = 0;  // 0: literal text
    std::string literal;
  };
  void add_literal(char c);

  std::vector<Piece> pieces_;
};

json::object to_json(const ConsumerRecord& record);

}  // namespace ringmain::tools
