"""The command `chancery`: each command is one file that parses, calls and prints."""
