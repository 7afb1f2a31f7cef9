// Which broker leads a partition, remembered until that proves wrong. Thread safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/call.hpp"
#include "ringmain/record.hpp"

namespace ringmain::client {

class RemoteLeaders {
 public:
  explicit RemoteLeaders(std::shared_ptr<Call> call) : call_(std::move(call)) {}

  // Asks the cluster if nothing is known. Errors: unknown_topic_or_partition, leader_not_available,
  // and those of the call.
  Result<To> leader(const TopicPartition& partition);
  // What leader() would give without asking.
  std::optional<std::int32_t> known(const TopicPartition& partition);
  // The broker that leader() gave says that it is not: asked anew next time.
  void forget(const TopicPartition& partition);

 private:
  Status refresh(const TopicPartition& wanted);

  const std::shared_ptr<Call> call_;
  std::mutex mutex_;  // guards what follows
  std::map<TopicPartition, std::int32_t> known_;
};

// Whether an answer about a partition asks for another look at who leads it.
bool is_about_leader(std::int16_t error) noexcept;

// An answer's error about a partition, as an Error.
Error partition_error(std::int16_t error, const TopicPartition& partition,
                      const std::string& doing);

}  // namespace ringmain::client
