// The encoded headers of a native record: written, and gone over in place. Contract: docs/formats/frame.md,
// "Headers". Any process; the bytes may be anybody's.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace ringmain::format {

// Writes what RecordHeadersWalk reads.
class RecordHeadersBuilder {
 public:
  // False: there are 65535 already, or the name is longer than that, or the value than 2^31 - 1.
  bool add(std::string_view name, std::optional<std::string_view> value) {
    if (count_ == UINT16_MAX || name.size() > UINT16_MAX || (value && value->size() > INT32_MAX)) return false;
    ++count_;
    put(static_cast<std::uint16_t>(name.size()));
    encoded_ += name;
    put(value ? static_cast<std::int32_t>(value->size()) : -1);
    if (value) encoded_ += *value;
    return true;
  }
  // Empty without headers.
  std::string finish() && {
    if (count_ == 0) return {};
    std::memcpy(encoded_.data(), &count_, sizeof(count_));
    return std::move(encoded_);
  }

 private:
  template <class T>
  void put(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    encoded_.append(bytes, sizeof(T));
  }

  std::uint16_t count_ = 0;
  std::string encoded_ = std::string(sizeof(count_), '\0');  // the count stands first
};

class RecordHeadersWalk {
 public:
  // `encoded`: RecordParts::headers.
  explicit RecordHeadersWalk(std::string_view encoded) noexcept : left_(encoded) {
    if (left_.empty()) return;
    std::uint16_t count = 0;
    if (take(count)) count_ = count;
  }

  std::uint32_t count() const noexcept { return count_; }

  // False at the end, and where the bytes are no header.
  bool next() noexcept {
    if (!is_sound_ || walked_ == count_) return false;
    std::uint16_t name_bytes = 0;
    std::int32_t value_bytes = 0;
    if (!take(name_bytes) || !take_text(name_bytes, name_) || !take(value_bytes)) return false;
    value_.reset();
    if (value_bytes < -1) return is_sound_ = false;
    if (value_bytes >= 0) {
      std::string_view value;
      if (!take_text(static_cast<std::size_t>(value_bytes), value)) return false;
      value_ = value;
    }
    ++walked_;
    return true;
  }
  std::string_view name() const noexcept { return name_; }
  std::optional<std::string_view> value() const noexcept { return value_; }

  // Whether all of them were there, and nothing else; once next() has said false.
  bool is_complete() const noexcept { return is_sound_ && walked_ == count_ && left_.empty(); }

 private:
  template <class T>
  bool take(T& value) noexcept {
    if (left_.size() < sizeof(T)) return is_sound_ = false;
    std::memcpy(&value, left_.data(), sizeof(T));
    left_.remove_prefix(sizeof(T));
    return true;
  }
  bool take_text(std::size_t bytes, std::string_view& text) noexcept {
    if (left_.size() < bytes) return is_sound_ = false;
    text = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return true;
  }

  std::string_view left_;
  std::uint32_t count_ = 0;
  std::uint32_t walked_ = 0;
  bool is_sound_ = true;
  std::string_view name_;
  std::optional<std::string_view> value_;
};

}  // namespace ringmain::format
