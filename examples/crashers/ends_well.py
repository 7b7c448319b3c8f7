"""The control. Expected: success on every interpreter."""

print("all is well")
