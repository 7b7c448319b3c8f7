"""Where a program was when it crashed or hung: back traces, by gdb where that is installed."""
