"""The farm's record as tables, for any tool that speaks SQL: a SQLite file, or a folder of Parquet files."""
