// Throws what nobody catches.
#include <stdexcept>
#include <string>
#include <vector>

static int take(const std::vector<int> &cells, std::size_t at) { return cells.at(at); }

int main(int count, char **) { return take(std::vector<int>(3), static_cast<std::size_t>(count) + 7); }
