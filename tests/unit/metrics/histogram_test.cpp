// The histogram: precision, percentiles, merging, and its text.
#include "metrics/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "metrics/histogram_text.hpp"

namespace ringmain::metrics {
namespace {

// 31 KiB each: off the stack.
std::unique_ptr<Histogram> make_histogram() {
  return std::make_unique<Histogram>();
}

std::unique_ptr<Histogram> histogram_of(const std::vector<uint64_t>& values) {
  auto histogram = make_histogram();
  for (const uint64_t value : values) histogram->record(value);
  return histogram;
}

// Of any size alike: as many bits as the dice say.
uint64_t random_value(Random& random) {
  return random() >> (64 - 1 - random.below(Histogram::max_bits));
}

TEST(Histogram, is_empty_at_first) {
  const auto histogram = make_histogram();
  EXPECT_EQ(histogram->count(), 0u);
  EXPECT_EQ(histogram->min(), 0u);
  EXPECT_EQ(histogram->max(), 0u);
  EXPECT_EQ(histogram->percentile(50), 0u);
  EXPECT_EQ(to_text(*histogram, "value_ns"), "# value_ns count cumulative\n");
}

TEST(Histogram, buckets_tile_all_values) {
  EXPECT_EQ(Histogram::least_in(0), 0u);
  for (size_t i = 0; i < Histogram::buckets; ++i) {
    EXPECT_EQ(Histogram::index_of(Histogram::least_in(i)), i);
    EXPECT_EQ(Histogram::index_of(Histogram::largest_in(i)), i);
    EXPECT_EQ(Histogram::largest_in(i) + 1, Histogram::least_in(i + 1));
  }
  EXPECT_EQ(Histogram::largest_in(Histogram::buckets - 1), Histogram::max_value);
}

TEST(Histogram, a_bucket_is_at_most_one_percent_wide) {
  for (size_t i = 0; i < Histogram::buckets; ++i) {
    const uint64_t least = Histogram::least_in(i);
    const uint64_t width = Histogram::largest_in(i) - least;
    EXPECT_LE(width * 100, least) << "bucket " << i;
  }
}

TEST(Histogram, small_values_are_exact) {
  const auto histogram = histogram_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_EQ(histogram->percentile(0), 1u);
  EXPECT_EQ(histogram->percentile(10), 1u);
  EXPECT_EQ(histogram->percentile(50), 5u);
  EXPECT_EQ(histogram->percentile(51), 6u);
  EXPECT_EQ(histogram->percentile(90), 9u);
  EXPECT_EQ(histogram->percentile(100), 10u);
}

TEST(Histogram, one_value_is_every_percentile) {
  const auto histogram = histogram_of({123'456'789});
  for (const double percent : {0.0, 0.001, 50.0, 99.99, 100.0}) {
    EXPECT_EQ(histogram->percentile(percent), 123'456'789u) << percent;
  }
}

TEST(Histogram, high_percentiles_of_many_records_take_the_right_record) {
  auto histogram = make_histogram();
  for (int i = 0; i < 999'990; ++i) histogram->record(10);
  for (int i = 0; i < 10; ++i) histogram->record(100);
  EXPECT_EQ(histogram->percentile(99.999), 10u);
  EXPECT_EQ(histogram->percentile(99.9991), 100u);
}

TEST(Histogram, minimum_and_maximum_are_exact) {
  const auto histogram = histogram_of({99'999'999, 1'000'001, 5'000'003});
  EXPECT_EQ(histogram->min(), 1'000'001u);
  EXPECT_EQ(histogram->max(), 99'999'999u);
  EXPECT_EQ(histogram->percentile(100), 99'999'999u);
}

TEST(Histogram, zero_is_a_value) {
  const auto histogram = histogram_of({0, 7});
  EXPECT_EQ(histogram->min(), 0u);
  EXPECT_EQ(histogram->percentile(50), 0u);
}

TEST(Histogram, larger_values_count_as_the_largest) {
  const auto histogram = histogram_of({~uint64_t{0}, 1});
  EXPECT_EQ(histogram->count(), 2u);
  EXPECT_EQ(histogram->max(), Histogram::max_value);
}

TEST(Histogram, percentiles_are_within_one_percent_and_never_below_the_truth) {
  Random random(20);
  std::vector<uint64_t> values(20'000);
  for (uint64_t& value : values) value = random_value(random);
  const auto histogram = histogram_of(values);
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = static_cast<size_t>(static_cast<double>(values.size()) * percent / 100);
    const uint64_t truth = values[std::max<size_t>(rank, 1) - 1];
    const uint64_t told = histogram->percentile(percent);
    EXPECT_GE(told, truth) << percent;
    EXPECT_LE(told - truth, truth / 100 + 1) << percent;
  }
}

TEST(Histogram, merging_equals_recording_all_in_one) {
  Random random(21);
  auto all = make_histogram(), one = make_histogram(), other = make_histogram();
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t value = random_value(random);
    all->record(value);
    (i % 3 == 0 ? one : other)->record(value);
  }
  one->merge(*other);
  EXPECT_EQ(to_text(*one, "v"), to_text(*all, "v"));
  EXPECT_EQ(one->min(), all->min());
  EXPECT_EQ(one->max(), all->max());
}

TEST(Histogram, merging_an_empty_one_changes_nothing) {
  const auto histogram = histogram_of({5, 6});
  histogram->merge(*make_histogram());
  EXPECT_EQ(histogram->count(), 2u);
  EXPECT_EQ(histogram->min(), 5u);
}

TEST(Histogram, reset_empties_it) {
  const auto histogram = histogram_of({5, 6});
  histogram->reset();
  EXPECT_EQ(histogram->count(), 0u);
  histogram->record(9);
  EXPECT_EQ(histogram->min(), 9u);
  EXPECT_EQ(histogram->max(), 9u);
}

TEST(Histogram, text_lists_values_with_counts_and_shares) {
  EXPECT_EQ(to_text(*histogram_of({3, 3, 3, 100'000}), "value_ns"),
            "# value_ns count cumulative\n"
            "3 3 0.750000000\n"
            "100000 1 1.000000000\n");
}

}  // namespace
}  // namespace ringmain::metrics
