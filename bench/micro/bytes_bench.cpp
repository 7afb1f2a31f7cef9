// What is done to bytes: checksum, the Kafka codec, the search of an index, the histogram.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/crc32c.hpp"
#include "base/random.hpp"
#include "kafka/frame.hpp"
#include "kafka/generated/messages.hpp"
#include "metrics/histogram.hpp"
#include "segment/offset_index.hpp"

namespace ringmain {
namespace {

void checksum(benchmark::State& state) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{7});
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->RangeMultiplier(16)->Range(64, 1 << 20);

constexpr std::int16_t metadata_version = 9;  // a flexible one: compact strings and tagged fields

kafka::MetadataRequest request_for(std::int64_t topics) {
  kafka::MetadataRequest request;
  request.topics.emplace();
  static const std::string name = "some-topic-of-usual-length";
  for (std::int64_t i = 0; i < topics; ++i) request.topics->push_back({.name = name});
  return request;
}

void codec_encode(benchmark::State& state) {
  const kafka::MetadataRequest request = request_for(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(kafka::request_frame(request, {metadata_version, 1, "client"}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(codec_encode)->Arg(1)->Arg(100);

void codec_decode(benchmark::State& state) {
  const auto frame =
      kafka::request_frame(request_for(state.range(0)), {metadata_version, 1, "client"});
  const auto message = std::span(*frame).subspan(kafka::kFrameSizeBytes);
  for (auto _ : state) {
    kafka::Reader reader(message);
    const auto header = kafka::RequestHeader::decode(reader);
    const auto request = kafka::MetadataRequest::decode(reader, metadata_version);
    if (!header || !request) state.SkipWithError("does not decode");
    benchmark::DoNotOptimize(request);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(codec_decode)->Arg(1)->Arg(100);

// Random offsets of a log file of so many entries; a full one of 1 GiB has 262,144.
void index_search(benchmark::State& state) {
  segment::FileIdentity file;
  file.slot_bytes = std::uint64_t{64} << 20;
  segment::OffsetIndex index(file);
  constexpr std::uint64_t records_per_entry = 40, units_per_entry = 128;
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  const std::uint64_t entries_per_segment = file.slot_units() / units_per_entry - 1;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto units = static_cast<std::uint32_t>(format::kFirstFrameUnits +
                                                  i % entries_per_segment * units_per_entry);
    index.add({static_cast<std::uint32_t>(i / entries_per_segment), units, i * records_per_entry});
  }
  if (index.size() != entries) state.SkipWithError("the index did not take all entries");
  Random random(1);
  for (auto _ : state)
    benchmark::DoNotOptimize(index.at_or_below(random.below(entries * records_per_entry)));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(index_search)->Arg(1000)->Arg(262'144);

void histogram_record(benchmark::State& state) {
  metrics::Histogram histogram;
  Random random(1);
  std::vector<std::uint64_t> values(4096);
  for (std::uint64_t& value : values) value = 100 + random.below(1000);
  std::size_t next = 0;
  for (auto _ : state) histogram.record(values[next++ % values.size()]);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(histogram_record);

void histogram_percentile(benchmark::State& state) {
  metrics::Histogram histogram;
  Random random(1);
  for (int i = 0; i < 100'000; ++i) histogram.record(100 + random.below(1'000'000));
  for (auto _ : state) benchmark::DoNotOptimize(histogram.percentile(99.9));
}
BENCHMARK(histogram_percentile);

}  // namespace
}  // namespace ringmain
