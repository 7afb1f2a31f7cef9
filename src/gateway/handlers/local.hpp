// The private APIs: their handlers' declarations. Refused to whoever is no local process.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/attach.hpp"
#include "kafka/generated/detach.hpp"
#include "kafka/generated/hello.hpp"
#include "kafka/generated/locks.hpp"
#include "kafka/generated/log_file.hpp"

namespace ringmain::gateway {

kafka::HelloResponse hello(const kafka::HelloRequest& request, RequestContext& context);
kafka::AttachResponse attach(const kafka::AttachRequest& request, RequestContext& context);
kafka::DetachResponse detach(const kafka::DetachRequest& request, RequestContext& context);
kafka::LogFileResponse log_file(const kafka::LogFileRequest& request, RequestContext& context);
kafka::LocksResponse locks(const kafka::LocksRequest& request, RequestContext& context);

}  // namespace ringmain::gateway
