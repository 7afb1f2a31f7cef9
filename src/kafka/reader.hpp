// Reads the primitives of the Kafka protocol from bytes that nobody vouches for.
//
// The first violation sticks: from then on every read gives zero or empty, and finish()
// returns an error that names the field and the byte. So a decoder runs straight down
// and asks once, at its end.
//
// Invariants:
//   1. No byte outside the span is read.
//   2. Memory is asked for only after the length was held against the bytes that remain.
//   3. After a failure nothing more is consumed, so every loop over items ends.
//
// A reader belongs to one thread; the bytes must outlive it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/records.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::kafka {

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes), end_(bytes.size()) {}

  // Lets arrays have so many items in all: a decoded item takes many times its bytes, so a large request
  // of small items is an attempt on our memory.
  void limit_items(size_t most) { items_left_ = most; }

  bool boolean(Field field);  // any byte but 0 is true, as in Kafka
  int8_t int8(Field field);
  int16_t int16(Field field);
  int32_t int32(Field field);
  int64_t int64(Field field);
  uint32_t uint32(Field field);
  uint32_t uvarint(Field field);  // at most five bytes
  int32_t varint(Field field);    // zigzag, at most five bytes
  int64_t varlong(Field field);   // zigzag, at most ten bytes
  Uuid uuid(Field field);

  std::string string(Field field, Encoding encoding);
  std::optional<std::string> nullable_string(Field field, Encoding encoding, Null null);
  Bytes bytes(Field field, Encoding encoding);
  std::optional<Bytes> nullable_bytes(Field field, Encoding encoding, Null null);

  // Points into the bytes.
  Records records(Field field, Encoding encoding);
  std::optional<Records> nullable_records(Field field, Encoding encoding, Null null);

  // min_item_bytes: the fewest bytes that one item takes, at least 1.
  template <class T, class ReadItem>
  std::vector<T> array(Field field, Encoding encoding, size_t min_item_bytes, ReadItem read_item);
  template <class T, class ReadItem>
  std::optional<std::vector<T>> nullable_array(Field field, Encoding encoding, Null null,
                                               size_t min_item_bytes, ReadItem read_item);

  // The tag section at the end of a flexible struct. read_tag(tag) reads the value and
  // returns true, or returns false without reading: then the tag is unknown and skipped.
  template <class ReadTag>
  void tags(Field field, ReadTag read_tag);
  void skip_tags(Field field);

  // Success if nothing failed and nothing is left over.
  Status finish(Field field);

  bool ok() const { return !error_; }
  Status status() const;
  size_t position_bytes() const { return position_; }
  size_t remaining_bytes() const { return error_ ? 0 : end_ - position_; }

 private:
  // A struct takes far more memory than its shortest encoding, so an array grows with the
  // items that were really there, and only this many are reserved on the word of its count.
  static constexpr size_t kMaxReservedItems = 1024;

  // The next `size` bytes, or nullptr after noting the failure.
  const std::byte* take(Field field, size_t size);
  template <class T>
  T big_endian(Field field);
  uint64_t varint_bits(Field field, unsigned max_bits);
  enum class LengthKind { string, bytes };
  // The length of what follows, already held against the bytes that remain; nullopt for null.
  std::optional<size_t> length(Field field, Encoding encoding, LengthKind kind, Null null);
  std::optional<size_t> count(Field field, Encoding encoding, size_t min_item_bytes, Null null);
  std::optional<size_t> checked(Field field, int64_t size, size_t min_item_bytes, Null null,
                                size_t at);
  void fail_at(Field field, size_t position, std::string why);

  uint32_t tag_count(Field field);
  // Reads tag and size, and narrows the reader to the tag's value.
  uint32_t enter_tag(Field field, std::optional<uint32_t> previous);
  void leave_tag(Field field, uint32_t tag, size_t outer_end, bool known);

  std::span<const std::byte> bytes_;
  size_t position_ = 0;  // <= end_
  size_t end_;           // <= bytes_.size(); within a tag, the end of its value
  size_t items_left_ = SIZE_MAX;
  std::optional<Error> error_;
};

// The error of a message that no codec has in this version.
tl::unexpected<Error> unknown_version(Field message, int16_t version);

template <class T, class ReadItem>
std::vector<T> Reader::array(Field field, Encoding encoding, size_t min_item_bytes,
                             ReadItem read_item) {
  auto items = nullable_array<T>(field, encoding, Null::refused, min_item_bytes, read_item);
  return items ? std::move(*items) : std::vector<T>{};
}

template <class T, class ReadItem>
std::optional<std::vector<T>> Reader::nullable_array(Field field, Encoding encoding, Null null,
                                                     size_t min_item_bytes, ReadItem read_item) {
  const std::optional<size_t> items = count(field, encoding, min_item_bytes, null);
  if (!items) return std::nullopt;
  std::vector<T> out;
  out.reserve(std::min(*items, kMaxReservedItems));
  for (size_t i = 0; i < *items && ok(); ++i) out.push_back(read_item());
  return out;
}

template <class ReadTag>
void Reader::tags(Field field, ReadTag read_tag) {
  const uint32_t tag_total = tag_count(field);
  std::optional<uint32_t> previous;
  for (uint32_t i = 0; i < tag_total && ok(); ++i) {
    const size_t outer_end = end_;
    const uint32_t tag = enter_tag(field, previous);
    leave_tag(field, tag, outer_end, ok() && read_tag(tag));
    previous = tag;
  }
}

}  // namespace ringmain::kafka
