// Blocks and their unsynced versions.
#include "os/simulated_disk_content.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace ringmain::os::simulated {
namespace {

constexpr uint32_t sector_bytes = 512;  // what a device writes whole or not at all

// What becomes of one unsynced write in a power cut.
enum class Fate : uint8_t { lost, kept, torn_at_blocks, torn_at_sectors };

Fate draw_fate(Random& random) {
  const uint64_t drawn = random.below(10);
  if (drawn < 3) return Fate::lost;
  if (drawn < 6) return Fate::kept;
  return drawn < 8 ? Fate::torn_at_blocks : Fate::torn_at_sectors;
}

// The part of [at, at + size) that lies in one block.
struct BlockPart {
  uint64_t block;
  uint32_t from;  // in the block
  uint32_t size_bytes;
  uint64_t done_bytes;  // of the range, before this part
};

template <class Visit>
void for_each_block(uint64_t at, uint64_t size_bytes, Visit visit) {
  for (uint64_t done = 0; done < size_bytes;) {
    const auto from = static_cast<uint32_t>((at + done) % disk_block_bytes);
    const auto part =
        static_cast<uint32_t>(std::min<uint64_t>(disk_block_bytes - from, size_bytes - done));
    visit(BlockPart{(at + done) / disk_block_bytes, from, part, done});
    done += part;
  }
}

}  // namespace

void Content::read(uint64_t at, std::span<std::byte> into) const {
  RINGMAIN_ASSERT(at <= size_bytes_ && into.size() <= size_bytes_ - at);
  for_each_block(at, into.size(), [&](const BlockPart& part) {
    std::byte* to = into.data() + part.done_bytes;
    const auto found = blocks_.find(part.block);
    if (found == blocks_.end() || found->second.newest() == nullptr) {
      std::memset(to, 0, part.size_bytes);
    } else {
      std::memcpy(to, found->second.newest()->data() + part.from, part.size_bytes);
    }
  });
}

void Content::write(uint64_t at, std::span<const std::byte> bytes) {
  const uint64_t change = changes_++;
  for_each_block(at, bytes.size(), [&](const BlockPart& part) {
    History& block = blocks_[part.block];
    auto changed = std::make_shared<Block>(block.newest() ? *block.newest() : Block{});
    std::memcpy(changed->data() + part.from, bytes.data() + part.done_bytes, part.size_bytes);
    block.unsynced.push_back({change, std::move(changed)});
  });
  if (at + bytes.size() > size_bytes_) resize(at + bytes.size());
}

void Content::allocate(DiskRange range) {
  if (range.at + range.size_bytes > size_bytes_) resize(range.at + range.size_bytes);
}

void Content::punch_hole(DiskRange range) {
  const uint64_t end = std::min(range.at + range.size_bytes, size_bytes_);
  if (range.at < end) add_zeros({range.at, end - range.at}, changes_++);
}

void Content::truncate(uint64_t size_bytes) {
  // What lies behind the new end is zeros if the file ever grows again.
  if (size_bytes < size_bytes_) add_zeros({size_bytes, size_bytes_ - size_bytes}, changes_++);
  resize(size_bytes);
}

void Content::resize(uint64_t size_bytes) {
  size_bytes_ = size_bytes;
  unsynced_sizes_.push_back(size_bytes);
}

void Content::add_zeros(DiskRange range, uint64_t change) {
  const uint64_t end = range.at + range.size_bytes;
  for (auto at = blocks_.lower_bound(range.at / disk_block_bytes);
       at != blocks_.end() && at->first * disk_block_bytes < end; ++at) {
    History& block = at->second;
    const uint64_t block_at = at->first * disk_block_bytes;
    const uint64_t from = std::max(range.at, block_at) - block_at;
    const uint64_t to = std::min<uint64_t>(end - block_at, disk_block_bytes);
    if (block.newest() == nullptr || from >= to) continue;
    auto changed = std::make_shared<Block>(*block.newest());
    std::memset(changed->data() + from, 0, to - from);
    block.unsynced.push_back({change, std::move(changed)});
  }
}

void Content::sync_block(History& block) {
  if (block.unsynced.empty() || block.unsynced.back().given_up) return;
  block.durable = block.unsynced.back().bytes;
  block.unsynced.clear();
}

void Content::sync() {
  for (auto& [index, block] : blocks_) sync_block(block);
  durable_size_bytes_ = size_bytes_;
  unsynced_sizes_.clear();
}

void Content::sync(DiskRange range) {
  for_each_block(range.at, range.size_bytes, [this](const BlockPart& part) {
    const auto found = blocks_.find(part.block);
    if (found != blocks_.end()) sync_block(found->second);
  });
  const uint64_t end = range.at + range.size_bytes;
  durable_size_bytes_ = std::max(durable_size_bytes_, end);
  std::erase_if(unsynced_sizes_, [end](uint64_t size_bytes) { return size_bytes < end; });
}

void Content::give_up() {
  for (auto& [index, block] : blocks_) {
    for (Version& version : block.unsynced) version.given_up = true;
  }
}

void Content::crash(Random& random) {
  std::map<uint64_t, Fate> fates;  // by change
  for (auto& [index, block] : blocks_) {
    for (const Version& version : block.unsynced) {
      const auto found = fates.find(version.change);
      const Fate fate = found != fates.end()
                            ? found->second
                            : fates.emplace(version.change, draw_fate(random)).first->second;
      if (fate == Fate::lost || (fate == Fate::torn_at_blocks && random.below(2) == 0)) continue;
      const Block newer = version.bytes ? *version.bytes : Block{};
      auto survived = std::make_shared<Block>(block.durable ? *block.durable : Block{});
      for (uint32_t at = 0; at < disk_block_bytes; at += sector_bytes) {
        if (fate == Fate::torn_at_sectors && random.below(2) == 0) continue;
        std::memcpy(survived->data() + at, newer.data() + at, sector_bytes);
      }
      block.durable = std::move(survived);
    }
    block.unsynced.clear();
  }

  const uint64_t choice = random.below(unsynced_sizes_.size() + 1);
  if (choice < unsynced_sizes_.size()) durable_size_bytes_ = unsynced_sizes_[choice];
  unsynced_sizes_.clear();
  size_bytes_ = durable_size_bytes_;

  // Nothing behind the end is ever read: it is zeros should the file grow.
  blocks_.erase(blocks_.lower_bound((size_bytes_ + disk_block_bytes - 1) / disk_block_bytes),
                blocks_.end());
  if (size_bytes_ % disk_block_bytes != 0) {
    add_zeros({size_bytes_, disk_block_bytes - size_bytes_ % disk_block_bytes}, changes_++);
    for (auto& [index, block] : blocks_) sync_block(block);
  }
}

}  // namespace ringmain::os::simulated
