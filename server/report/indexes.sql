-- Other orders in which tables are asked. They are made when the tables are full: sorting them once is faster.
CREATE INDEX IF NOT EXISTS places_place ON places (product, place);
CREATE INDEX IF NOT EXISTS bugs_signature ON bugs (signature);
CREATE INDEX IF NOT EXISTS again_signature ON again (signature);
CREATE INDEX IF NOT EXISTS on_branch_all ON on_branch (product, branch, signature, count);
CREATE INDEX IF NOT EXISTS on_machine_all ON on_machine (os_name, os_version, cpu_name, signature, count);
-- The order of all lists.
CREATE INDEX IF NOT EXISTS signatures_listed ON signatures (suppressed, findings DESC, first_seen, name);
CREATE INDEX IF NOT EXISTS notes_leader ON notes (leader);
