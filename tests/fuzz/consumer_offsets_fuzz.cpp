// Fuzzes the records of __consumer_offsets: any bytes as keys and values. What is read encodes to
// what reads the same again, and a coordinator that loads them lives through an hour of its timers.
// USES coordination
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "coordination/coordinator.hpp"
#include "kafka/consumer_protocol.hpp"

namespace {

using namespace ringmain::coordination;

// The next part of the input: a byte of size, then so many bytes, or what is left.
std::optional<Bytes> next_part(std::span<const std::byte>& input) {
  if (input.empty()) return std::nullopt;
  const size_t size = std::min(std::to_integer<size_t>(input[0]), input.size() - 1);
  Bytes part(input.begin() + 1, input.begin() + 1 + static_cast<std::ptrdiff_t>(size));
  input = input.subspan(1 + size);
  return part;
}

void check(const Record& record) {
  const auto change = decode(record);
  if (!change || !change->has_value()) return;
  const auto again = encode(**change);
  if (!again) std::abort();
  const auto back = decode(*again);
  if (!back || *back != *change) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto input = std::as_bytes(std::span(data, size));
  static_cast<void>(ringmain::kafka::decode_subscription(input));
  static_cast<void>(ringmain::kafka::decode_assignment(input));
  Coordinator coordinator({}, 1);
  while (const auto key = next_part(input)) {  // ends: each turn takes a byte
    Record record{*key, next_part(input)};
    if (record.value && record.value->empty()) record.value.reset();
    check(record);
    static_cast<void>(coordinator.replay(record));
  }
  Output out;
  coordinator.finish_loading({0, 0}, out);
  for (int64_t minute = 1; minute <= 60; ++minute) {
    coordinator.tick({minute * 60'000, minute * 60'000}, out);
    for (const Append& append : std::exchange(out.appends, {}))
      coordinator.append_done(append.id, AppendResult::done, {minute * 60'000, minute * 60'000},
                              out);
  }
  return 0;
}
