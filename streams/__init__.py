"""The Kafka shell: the only place with a clock, a network and a log. It holds no business rule."""
