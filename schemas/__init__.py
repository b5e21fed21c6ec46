"""The words that cross Kafka: what is read and what is written, and nothing else.

Each wire type is a standard dataclass, frozen if it is read. Pydantic checks it at the door (`schemas.reading`),
msgspec reads and writes it where it is trusted already (the journal, the output topics).
This package imports neither `dunning` nor `streams`.
"""
