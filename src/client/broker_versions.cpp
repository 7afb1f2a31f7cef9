#include "client/broker_versions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kafka/api.hpp"
#include "kafka/generated/api_versions.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

constexpr std::int16_t kUnsupportedVersion = 35;
constexpr const char* kSoftwareName = "ringmain";
constexpr const char* kSoftwareVersion = "0.1";

// Error code and body of an ApiVersions answer stand at the same place in every version.
std::int16_t error_in(const kafka::Bytes& message) {
  kafka::Reader reader(message);
  static_cast<void>(reader.int32("correlation id"));
  return reader.int16("error code");
}

std::string name_of(std::int16_t api_key) {
  const kafka::Api* api = kafka::find_api(api_key);
  return api != nullptr ? api->name : fmt::format("API key {}", api_key);
}

}  // namespace

Result<kafka::Bytes> BrokerVersions::question(const std::string& client_id) {
  asked_in_ = asked_in_ < 0 ? kafka::ApiVersionsRequest::max_version : 0;
  kafka::ApiVersionsRequest request;
  request.client_software_name = kSoftwareName;
  request.client_software_version = kSoftwareVersion;
  return kafka::request_frame(request, {asked_in_, 0, client_id});
}

Result<bool> BrokerVersions::learn(const kafka::Bytes& answer, const std::string& client_id) {
  // An older broker says in version 0 that it does not know a newer one.
  if (asked_in_ > 0 && error_in(answer) == kUnsupportedVersion) return false;
  const auto response =
      kafka::decode_response<kafka::ApiVersionsResponse>(answer, {asked_in_, 0, client_id});
  if (!response) return tl::make_unexpected(no_broker(response.error().message));
  if (response->error_code != 0)
    return tl::make_unexpected(
        no_broker(fmt::format("its answer is error {}", response->error_code)));
  for (const auto& range : response->api_keys)
    served_[range.api_key] = {range.min_version, range.max_version};
  if (!served_.contains(kafka::MetadataRequest::api_key))
    return tl::make_unexpected(no_broker("it knows no Metadata"));
  return true;
}

Error BrokerVersions::no_broker(const std::string& why) const {
  return {ErrorCode::broker_unavailable,
          fmt::format("whoever listens on {} does not answer as a Kafka broker does ({}): is it "
                      "the address of a Kafka listener, without TLS and SASL?",
                      broker_, why)};
}

Result<std::int16_t> BrokerVersions::best(std::int16_t api_key, Versions versions) const {
  const auto found = served_.find(api_key);
  if (found == served_.end())
    return fail(ErrorCode::unsupported_version,
                fmt::format("broker {} does not serve {}", broker_, name_of(api_key)));
  const auto [least, most] = found->second;
  const std::int16_t best = std::min(versions.most, most);
  if (best >= std::max(versions.least, least)) return best;
  return fail(ErrorCode::unsupported_version,
              fmt::format("broker {} serves {} in versions {} to {}, this program asks in {} to {}",
                          broker_, name_of(api_key), least, most, versions.least, versions.most));
}

}  // namespace ringmain::client
