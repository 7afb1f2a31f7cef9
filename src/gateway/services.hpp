// What the gateway's handlers work with: the broker's side of each request, and settings.
#pragma once

#include "gateway/attach_service.hpp"
#include "gateway/authorizer.hpp"
#include "gateway/broker_view.hpp"
#include "gateway/group_service.hpp"
#include "gateway/record_service.hpp"
#include "gateway/topic_service.hpp"

namespace ringmain::gateway {

// All borrowed; they outlive the gateway.
struct Services {
  TopicService& topics;
  RecordService& records;
  const BrokerView& broker;
  AttachService& attach;
  const Authorizer& authorizer;
  GroupService* groups = nullptr;  // null: the APIs of groups are not served
};

struct GatewayOptions {
  bool auto_create_topics = true;  // auto.create.topics.enable
};

}  // namespace ringmain::gateway
