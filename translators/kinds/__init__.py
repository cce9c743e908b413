"""The accepted API kinds, one file each: schema, parse, defaults and validation."""
