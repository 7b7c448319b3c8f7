"""What people do with known bugs, on a database in memory."""
