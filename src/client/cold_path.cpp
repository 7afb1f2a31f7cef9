#include "client/cold_path.hpp"

#include <fmt/format.h>

#include "kafka/generated/log_file.hpp"
#include "os/file.hpp"

namespace ringmain::client {

Result<ColdFile> BrokerFiles::file_with(std::uint64_t offset) {
  const TopicPartition& partition = attachment_.partition();
  kafka::LogFileRequest request;
  request.topic = partition.topic;
  request.topic_id = attachment_.topic_id();
  request.partition = partition.partition;
  request.offset = static_cast<std::int64_t>(offset);
  RINGMAIN_TRY_ASSIGN(answer, attachment_.bus().call<kafka::LogFileResponse>(request, 0));
  const kafka::LogFileResponse& response = answer.response;
  if (response.error_code != 0)
    return fail(static_cast<ErrorCode>(response.error_code),
                response.error_message.value_or("refused"));
  if (answer.fds.size() != 1 || response.base_offset < 0 || response.base_offset > request.offset ||
      response.end_offset <= request.offset)
    return fail(ErrorCode::version_mismatch,
                fmt::format("the broker's answer about offset {} of {}-{} makes no sense; is it of "
                            "the same version?",
                            offset, partition.topic, partition.partition));
  std::string name = os::describe_fd(answer.fds[0].get());
  return ColdFile{std::move(answer.fds[0]), std::move(name),
                  static_cast<std::uint64_t>(response.base_offset),
                  static_cast<std::uint64_t>(response.end_offset)};
}

ColdPath::ColdPath(const Attachment& attachment, std::unique_ptr<ColdSource> source)
    : attachment_(attachment),
      source_(source ? std::move(source) : std::make_unique<BrokerFiles>(attachment)) {}

void ColdPath::start(std::uint64_t offset) noexcept {
  active_ = true;
  misses_ = 0;
  damaged_at_ = format::kNoOffset;
  next_offset_ = offset;
  file_.reset();
}

void ColdPath::stop() noexcept {
  active_ = false;
  file_.reset();
}

void ColdPath::drop_file() noexcept {
  next_offset_ = next_offset();
  file_.reset();
}

bool ColdPath::next() {
  if (!file_) return false;
  switch (file_->next()) {
    [[likely]] case ColdReader::Outcome::record : return true;
    case ColdReader::Outcome::end:
      return false;
    case ColdReader::Outcome::damaged:
      break;
  }
  meet_damage(file_->damage());
  drop_file();
  return false;
}

// The file that is being written shows a head or a block for a moment as it was, or half new: what
// looks damaged is looked at twice.
void ColdPath::meet_damage(const Error& damage) {
  if (std::exchange(damaged_at_, next_offset()) == next_offset()) throw Exception(damage);
}

void ColdPath::throw_unreadable(const Error& error) const {
  const TopicPartition& partition = attachment_.partition();
  throw Exception({error.code, fmt::format("{}-{} cannot be read from offset {} on: {}", partition.topic, partition.partition,
                                           next_offset(), error.message)});
}

bool ColdPath::next_quietly() noexcept {
  return file_ && file_->next() == ColdReader::Outcome::record;
}

Result<std::unique_ptr<ColdReader>> ColdPath::open_at(std::uint64_t offset) const {
  RINGMAIN_TRY_ASSIGN(file, source_->file_with(offset));
  return ColdReader::open(file, {attachment_.topic_id().bytes,
                                 static_cast<std::uint32_t>(attachment_.partition().partition)});
}

std::uint64_t ColdPath::open_next() {
  drop_file();
  if (const std::uint64_t start = start_offset(); next_offset_ < start) {
    misses_ = 0;
    return start - std::exchange(next_offset_, start);
  }
  auto opened = open_at(next_offset_);
  if (!opened) {
    // Retention, or the log in memory, may have moved while the broker was asked: the caller looks.
    if (opened.error().code == ErrorCode::offset_out_of_range && ++misses_ < kAttempts) return 0;
    if (opened.error().code == ErrorCode::io) throw_unreadable(opened.error());
    if (opened.error().code != ErrorCode::kafka_storage_error) throw Exception(opened.error());
    meet_damage(opened.error());
    return 0;
  }
  misses_ = 0;
  if (const Status found = (*opened)->seek(next_offset_); found)
    file_ = std::move(*opened);
  else
    meet_damage(found.error());
  return 0;
}

}  // namespace ringmain::client
