// A socket of its own to a broker, for a conversation that the process's shared connection must not
// wait for. One thread at a time.
//
// It starts no broker: the keeper of the process's BusConnection does. When this broker dies, what
// was asked of it stays unanswered, and the next request goes to whom the LinkPeer finds then.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "client/call.hpp"
#include "client/frame_receiver.hpp"
#include "client/link_peer.hpp"
#include "kafka/frame.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::client {

class BrokerLink {
 public:
  BrokerLink(std::shared_ptr<LinkPeer> peer, std::string client_id)
      : peer_(std::move(peer)), client_id_(std::move(client_id)), receiver_(kResponseMaxBytes) {}
  BrokerLink(std::string directory, std::string client_id)
      : BrokerLink(std::make_shared<BusPeer>(std::move(directory)), std::move(client_id)) {}

  bool is_open() const noexcept { return bool{socket_}; }
  int fd() const noexcept { return socket_.get(); }
  // Requests that have no answer yet. Answers come in the order of the requests.
  std::size_t owed() const noexcept { return asked_.size(); }
  void close() noexcept;
  // The other side said that it is not the one to ask. Closed then, if there is another to look
  // for.
  void look_elsewhere() noexcept {
    if (peer_->look_anew()) close();
  }

  // Connects first, if need be. An error closes the link: what is owed will not come. Error:
  // unsupported_version, if they have none in common.
  template <class Request>
  Status send(const Request& request, Versions versions = Versions::of<Request>()) {
    RINGMAIN_TRY(open());
    RINGMAIN_TRY_ASSIGN(version, version_of(Request::api_key, versions));
    const kafka::RequestOptions options{version, ++last_correlation_ & 0x7fffffff, client_id_};
    RINGMAIN_TRY_ASSIGN(frame, kafka::request_frame(request, options));
    RINGMAIN_TRY(send_frame(frame));
    asked_.push_back(options);
    return {};
  }

  // The answer to the oldest request that is owed one, with its bytes; no value: not until the
  // deadline. An error closes the link.
  template <class Response>
  Result<std::optional<Said<Response>>> receive_said(os::Deadline deadline) {
    RINGMAIN_TRY_ASSIGN(message, receive_frame(deadline));
    if (!message) return std::optional<Said<Response>>();
    const kafka::RequestOptions options = asked_.front();
    asked_.pop_front();
    auto response = kafka::decode_response<Response>(*message, options);
    if (!response) {
      close();
      return tl::make_unexpected(std::move(response).error());
    }
    return std::optional(
        Said<Response>{std::move(*message), std::move(*response), options.api_version});
  }
  template <class Response>
  Result<std::optional<Response>> receive(os::Deadline deadline) {
    RINGMAIN_TRY_ASSIGN(said, receive_said<Response>(deadline));
    if (!said) return std::optional<Response>();
    return std::optional<Response>(std::move(said->response));
  }

  // What is owed yet is lost: it is a new connection then. Past the deadline: request_timed_out, and the link is closed.
  template <class Response, class Request>
  Result<Response> call(const Request& request, Versions versions, os::Deadline deadline) {
    if (owed() != 0) close();
    RINGMAIN_TRY(send(request, versions));
    RINGMAIN_TRY_ASSIGN(response, receive<Response>(deadline));
    if (response) return std::move(*response);
    close();
    return fail(ErrorCode::request_timed_out, peer_->name() + " does not answer");
  }

 private:
  static constexpr std::size_t kResponseMaxBytes = 128 << 20;

  Status open();
  Result<std::int16_t> version_of(std::int16_t api_key, Versions versions) const;
  Status send_frame(std::span<const std::byte> frame);
  Result<std::optional<kafka::Bytes>> receive_frame(os::Deadline deadline);

  const std::shared_ptr<LinkPeer> peer_;
  const std::string client_id_;
  std::int32_t last_correlation_ = 0;
  os::UniqueFd socket_;
  std::optional<BrokerVersions> versions_;
  FrameReceiver receiver_;
  std::deque<kafka::RequestOptions> asked_;
};

}  // namespace ringmain::client
