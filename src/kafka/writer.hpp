// Writes the primitives of the Kafka protocol into a buffer that grows.
//
// What cannot be expressed (a string above 32767 bytes in the classic encoding, a version
// that a message lacks) sticks as an error, and take() returns it instead of bytes.
// A writer belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kafka/records.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::kafka {

class TagSection;

class Writer {
 public:
  void boolean(bool value) { int8(value ? 1 : 0); }
  void int8(int8_t value);
  void int16(int16_t value);
  void int32(int32_t value);
  void int64(int64_t value);
  void uint32(uint32_t value);
  void uvarint(uint32_t value);
  void varint(int32_t value);   // zigzag
  void varlong(int64_t value);  // zigzag
  void uuid(const Uuid& value);

  void string(std::string_view value, Encoding encoding);
  void bytes(std::span<const std::byte> value, Encoding encoding);
  // Where the version refuses null, a null is written as empty: in Metadata 0 that is
  // how "every topic" is said.
  void nullable_string(const std::optional<std::string>& value, Encoding encoding, Null null);
  void nullable_bytes(const std::optional<Bytes>& value, Encoding encoding, Null null);

  void records(const Records& value, Encoding encoding);
  void nullable_records(const std::optional<Records>& value, Encoding encoding, Null null);

  template <class Items, class WriteItem>
  void array(const Items& items, Encoding encoding, WriteItem write_item);
  template <class Items, class WriteItem>
  void nullable_array(const std::optional<Items>& items, Encoding encoding, Null null,
                      WriteItem write_item);

  void no_tags() { uvarint(0); }
  void tags(const TagSection& section);

  // Room for so many bytes more, for whoever knows how many come.
  void reserve(size_t more_bytes) { buffer_.reserve(buffer_.size() + more_bytes); }

  // From here on, pieces of records stay where they are: take_cuts() tells them, and the frame's size counts them. For a
  // writer of one frame.
  void refer_to_records() noexcept { refers_to_records_ = true; }
  std::vector<Cut> take_cuts() noexcept { return std::move(cuts_); }

  // A frame is its size in four bytes, then the message. begin_frame() returns where the
  // size goes; end_frame() fills it in.
  size_t begin_frame();
  void end_frame(size_t frame_position);

  // False, and an error, if the version lies outside min..max.
  bool accepts_version(Field message, int16_t version, int16_t min, int16_t max);

  std::span<const std::byte> written() const { return buffer_; }
  Status status() const;
  Result<Bytes> take() &&;

 private:
  friend class TagSection;
  template <class T>
  void big_endian(T value);
  void varint_bits(uint64_t bits);
  void raw(std::span<const std::byte> bytes);
  void string_length(size_t size, Encoding encoding);
  void length(size_t size, Encoding encoding);  // of bytes and arrays
  void null_string(Encoding encoding);
  void null_length(Encoding encoding);
  void fail_with(Error error);

  Bytes buffer_;
  bool refers_to_records_ = false;
  std::vector<Cut> cuts_;
  size_t cut_bytes_ = 0;
  std::optional<Error> error_;
};

// The tagged fields that a struct really has; add them with ascending tags.
class TagSection {
 public:
  template <class WriteValue>
  void add(uint32_t tag, WriteValue write_value) {
    Writer value;
    write_value(value);
    append(tag, value);
  }

 private:
  friend class Writer;
  void append(uint32_t tag, const Writer& value);

  uint32_t count_ = 0;
  Writer body_;
};

template <class Items, class WriteItem>
void Writer::array(const Items& items, Encoding encoding, WriteItem write_item) {
  length(items.size(), encoding);
  for (const auto& item : items) write_item(item);
}

template <class Items, class WriteItem>
void Writer::nullable_array(const std::optional<Items>& items, Encoding encoding, Null null,
                            WriteItem write_item) {
  if (items) return array(*items, encoding, write_item);
  if (null == Null::allowed) return null_length(encoding);
  length(0, encoding);
}

}  // namespace ringmain::kafka
