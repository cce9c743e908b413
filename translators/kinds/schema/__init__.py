"""What kinds are described with: shapes of values, records of fields, and a kind itself."""
