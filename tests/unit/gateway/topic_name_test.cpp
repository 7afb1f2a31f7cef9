// Legal and illegal names, and how strangers' text is shown.
#include "gateway/topic_name.hpp"

#include <gtest/gtest.h>

#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

TEST(TopicName, may_have_letters_digits_dots_underscores_and_dashes) {
  for (const std::string& name :
       {std::string("a"), std::string("Trades_2-x.EU"), std::string("..."),
        std::string("__consumer_offsets"), std::string(249, 'x')}) {
    EXPECT_TRUE(check_topic_name(name)) << name;
  }
}

TEST(TopicName, that_could_not_be_a_folder_of_its_own_is_refused) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(250, 'x'),
        std::string("a/b"), std::string("a b"), std::string("a\0b", 3), std::string("caf\xc3\xa9"),
        std::string("a:b")}) {
    const Status checked = check_topic_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_topic);
    EXPECT_FALSE(checked.error().message.empty());
  }
}

TEST(Printable, leaves_no_line_break_or_escape_and_no_endless_line) {
  EXPECT_EQ(printable("kcat 1.7"), "kcat 1.7");
  EXPECT_EQ(printable("a\nb\x1b[2J\xff"), "a?b?[2J?");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), 67u);
}

}  // namespace
}  // namespace ringmain::gateway
