// Ringmain: Kafka's semantics at shared-memory speed. Includes the whole public API.
//
//   bus.hpp          open a bus (a broker is started if none runs)
//   admin.hpp        create, list, describe and delete topics
//   producer.hpp     send records to topics
//   consumer.hpp     receive records of topics
//   appender.hpp     the fast path into one partition
//   reader.hpp       the fast path out of one partition
//   record.hpp, bytes.hpp, partitioner.hpp, error.hpp
//
// Calls that cannot do what their name says throw ringmain::Exception (error.hpp).
#pragma once

#include "ringmain/admin.hpp"
#include "ringmain/appender.hpp"
#include "ringmain/bus.hpp"
#include "ringmain/bytes.hpp"
#include "ringmain/consumer.hpp"
#include "ringmain/error.hpp"
#include "ringmain/partitioner.hpp"
#include "ringmain/producer.hpp"
#include "ringmain/reader.hpp"
#include "ringmain/record.hpp"
