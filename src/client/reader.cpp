// The fast path out of one partition.
#include "ringmain/reader.hpp"

#include <array>

#include "client/bus_impl.hpp"
#include "client/partition_reader.hpp"
#include "client/sleeper.hpp"

namespace ringmain {

class Reader::Impl {
 public:
  Impl(std::shared_ptr<client::BusConnection> bus, const TopicPartition& partition, const ReaderOptions& options)
      : source_(std::move(bus), partition), sleeper_(options.wait) {
    if (options.start == StartAt::latest)
      source_.seek_end();
    else
      source_.seek_start();
  }

  Bytes try_next() { return source_.next_value(); }

  Bytes next(std::chrono::nanoseconds timeout) {
    // The shortest way for a record that comes soon: nothing between two looks.
    for (std::uint32_t look = 0; look < kLooksBeforeClock; ++look)
      if (const Bytes value = source_.next_value(); value.data() != nullptr) return value;
    return wait_for_next(timeout);
  }

  const ConsumerRecord& record() {
    source_.fill(record_);
    return record_;
  }
  std::uint64_t lost() const noexcept { return source_.lost(); }
  const client::PartitionReader& source() const noexcept { return source_; }

 private:
  static constexpr std::uint32_t kLooksBeforeClock = 256;

  [[gnu::noinline]] Bytes wait_for_next(std::chrono::nanoseconds timeout) {
    const std::int64_t now_ns = now_steady_ns();
    const std::int64_t give_up_ns = timeout.count() > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout.count();
    const std::array readers{&source_.log()};
    source_.note_progress();
    for (;;) {  // until a record, or time is up
      if (!sleeper_.wait(source_.bus().doorbell(), readers, [this] { return source_.ready(); }, give_up_ns))
        return source_.next_value();
      if (const Bytes value = source_.next_value(); value.data() != nullptr) return value;
    }
  }

  client::PartitionReader source_;
  client::Sleeper sleeper_;
  ConsumerRecord record_;
};

Reader::Reader(Bus& bus, const TopicPartition& partition, ReaderOptions options)
    : impl_(std::make_unique<Impl>(bus.impl().connection, partition, options)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader::~Reader() = default;
Bytes Reader::try_next() { return impl_->try_next(); }
Bytes Reader::next(std::chrono::nanoseconds timeout) { return impl_->next(timeout); }
const ConsumerRecord& Reader::record() { return impl_->record(); }
std::uint64_t Reader::lost() const noexcept { return impl_->lost(); }
std::int64_t Reader::durable_offset() const noexcept {
  return static_cast<std::int64_t>(impl_->source().durable_offset());
}
std::int64_t Reader::log_start_offset() const noexcept {
  return static_cast<std::int64_t>(impl_->source().log_start_offset());
}

}  // namespace ringmain
