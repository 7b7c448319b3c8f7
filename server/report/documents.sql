-- What is noted of one document. Only the reports after the first ask for that: so these are left to them.
CREATE INDEX IF NOT EXISTS places_document ON places (document);
CREATE INDEX IF NOT EXISTS bugs_document ON bugs (document);
CREATE INDEX IF NOT EXISTS again_document ON again (document);
