"""Pure translation: configuration objects in, Envoy resources out. No I/O, no clock, no asyncio."""
