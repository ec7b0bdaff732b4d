"""Each source, copied to Parquet, unaltered."""
