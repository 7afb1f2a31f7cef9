// Records: the record batches of a Produce request or a Fetch response, by reference.
//
// A decoder points it into the request's bytes; whoever answers puts pieces together that lie
// anywhere, and the writer copies each once, or refers to it (Writer::refer_to_records). Whoever holds one sees to it that the bytes stay.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ringmain::kafka {

class Records {
 public:
  using Piece = std::span<const std::byte>;

  Records() = default;
  explicit Records(Piece whole) { add(whole); }

  void add(Piece piece) {
    if (piece.empty()) return;
    size_bytes_ += piece.size();
    pieces_.push_back(piece);
  }

  const std::vector<Piece>& pieces() const noexcept { return pieces_; }
  size_t size_bytes() const noexcept { return size_bytes_; }
  bool empty() const noexcept { return size_bytes_ == 0; }
  // What a decoder gave: one piece, or nothing.
  Piece whole() const noexcept { return pieces_.empty() ? Piece{} : pieces_.front(); }

  // The same bytes, however they are cut.
  friend bool operator==(const Records& a, const Records& b) { return a.joined() == b.joined(); }

 private:
  std::vector<std::byte> joined() const {
    std::vector<std::byte> bytes;
    for (const Piece piece : pieces_) bytes.insert(bytes.end(), piece.begin(), piece.end());
    return bytes;
  }

  std::vector<Piece> pieces_;
  size_t size_bytes_ = 0;
};

// Records that an encoded message leaves where they are: they belong before its byte `at`.
struct Cut {
  size_t at = 0;
  Records::Piece bytes;
};

}  // namespace ringmain::kafka
