"""The schema, as plain SQL, one file a step. Forwards only: a mistake is mended by the next step."""
