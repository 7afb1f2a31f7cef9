"""Members of groups: programs that print what they consume, and consumers of both Python libraries alike."""
import signal
import subprocess
import threading

import confluent_kafka
import kafka


class Member:
    """A process that consumes: `lines` has what it has printed so far, each as `PARTITION VALUE` once parsed."""

    def __init__(self, test, process, parse=str.strip):
        self.process, self.parse, self.lines = process, parse, []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        test.addCleanup(self.end)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(self.parse(line))

    def partitions(self, of):
        """Those of which it has read this value."""
        return {line.split()[0] for line in self.lines if line.split()[1] == of}

    def leave(self):
        """As a person ends it; it must end well."""
        if self.process.stdin:
            self.process.stdin.close()
        else:
            self.process.send_signal(signal.SIGINT)
        self.finish()

    def finish(self):
        """Waits for its end, which must be a good one."""
        status = self.process.wait()
        self.reader.join()
        said = self.process.stderr.read() if self.process.stderr else ""
        if status != 0 or said:
            raise AssertionError(f"exit {status}: {said}\n{self.lines}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


def native(test, ringmain, *arguments, group="g"):
    """`ringmain consume --group` of topic t."""
    return Member(test, subprocess.Popen([ringmain, "consume", "t", "--group", group, "--from", "earliest", "--format", "%p %s\\n",
                                          *arguments], env=test.bus.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         text=True))


def librdkafka(test, group="g", **settings):
    """A confluent-kafka consumer of topic t."""
    member = confluent_kafka.Consumer({"bootstrap.servers": test.bus.address, "group.id": group, "auto.offset.reset": "earliest",
                                       "enable.auto.commit": False, "session.timeout.ms": 10000, "heartbeat.interval.ms": 100,
                                       **settings})
    test.addCleanup(member.close)
    member.subscribe(["t"])
    return member


def kafka_python(test, group="g", **settings):
    """A kafka-python consumer of topic t."""
    member = kafka.KafkaConsumer("t", bootstrap_servers=test.bus.address, group_id=group, auto_offset_reset="earliest",
                                 enable_auto_commit=False, session_timeout_ms=10000, heartbeat_interval_ms=100, **settings)
    test.addCleanup(member.close)
    return member


def poll(member):
    """What one look at a consumer of either library brings: pairs of partition and value."""
    if isinstance(member, kafka.KafkaConsumer):
        return [(record.partition, record.value.decode()) for records in member.poll(50).values() for record in records]
    message = member.poll(0.05)
    return [] if message is None or message.error() else [(message.partition(), message.value().decode())]


def commit(member):
    member.commit() if isinstance(member, kafka.KafkaConsumer) else member.commit(asynchronous=False)
