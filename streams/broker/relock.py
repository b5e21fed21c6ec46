"""Rewrite the lock file of Kafka's jars: `python -m streams.broker.relock`. Rule: read the change it makes.

To move to another Kafka, change the coordinates here first.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import Dependency, MavenContext

from streams.broker.jars import LOCK_FILE

COORDINATES = (
    ("org.apache.kafka", "kafka_2.13", "4.3.0"),
    ("org.apache.kafka", "kafka-clients", "4.3.0"),  # must be named, or an older one is picked
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.2"),
)


def locked_lines(repository: Path) -> list[str]:
    """Resolve the coordinates with all they need; return the lines of the lock file (needs the network)."""
    context = MavenContext(repo_cache=repository)
    wanted = [
        Dependency(context.project(group, artifact).at_version(version).artifact())
        for group, artifact, version in COORDINATES
    ]
    direct, transitive = context.resolver.resolve(wanted)
    lines = []
    for found in sorted(direct + transitive, key=lambda found: (found.groupId, found.artifactId)):
        digest = hashlib.sha256(found.artifact.resolve().read_bytes()).hexdigest()
        lines.append(f"{digest} {found.groupId}:{found.artifactId}:{found.version}")
    return lines


def main() -> None:
    """Write the lock file beside this module, keeping its head."""
    target = Path(__file__).with_name(LOCK_FILE)
    head = [line for line in target.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    with tempfile.TemporaryDirectory() as repository:
        lines = locked_lines(Path(repository))
    target.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    sys.stderr.write(f"{len(lines)} jars written to {target.name}\n")


if __name__ == "__main__":
    main()
