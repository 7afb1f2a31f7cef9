// The looks of --help: long descriptions wrapped, the global options named under every command.
#pragma once

namespace CLI {
class App;
}

namespace ringmain::tools {

// For the whole tree of commands, once all are added.
void finish_help(CLI::App& app);

}  // namespace ringmain::tools
