"""A broker of a test's own: temporary folders, a free port on loopback, gone at the end."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from capture import GoBetween


class Bus:
    """For a with statement. `address` is where Kafka clients connect; run() calls the ringmain command."""

    def __init__(self, ringmain, configs=()):
        self.ringmain = str(ringmain)
        self.configs = list(configs)
        self.broker = None
        self.go_between = GoBetween() if "RINGMAIN_CAPTURE" in os.environ else None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ringmain-interop."))
        tmpfs = Path("/dev/shm")
        self.shm = Path(tempfile.mkdtemp(prefix="ringmain-interop.", dir=tmpfs if os.access(tmpfs, os.W_OK) else None))
        self.environment = dict(os.environ, RINGMAIN_BUS=str(self.folder / "bus"), RINGMAIN_SHM=str(self.shm),
                                RINGMAIN_PROGRAM=self.ringmain)
        self.log_path = self.folder / "broker.log"
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.go_between:
            self.go_between.close()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.shm)

    def start(self, port=0, fault=""):
        command = [self.ringmain, "broker", "--listen", f"127.0.0.1:{0 if self.go_between else port}"]
        if self.go_between:
            command += ["--config", f"advertised.listeners={self.go_between.address}"]
        for config in self.configs:
            command += ["--config", config]
        with open(self.log_path, "ab") as log:
            self.broker = subprocess.Popen(command, env=dict(self.environment, RINGMAIN_FAULT=fault), stdout=subprocess.PIPE,
                                           stderr=log)
        line = self.broker.stdout.readline().decode()
        match = re.fullmatch(r"listening on (\S+)\n", line)
        if not match:
            raise RuntimeError(f"the broker did not start: {line!r}\n{self.log()}")
        self.address = match.group(1)
        if self.go_between:
            self.go_between.broker, self.address = self.address, self.go_between.address

    def stop(self):
        if self.broker is None:
            return
        self.broker.terminate()
        self.broker.wait()
        self.broker.stdout.close()
        self.broker = None

    def kill(self):
        self.broker.kill()
        self.broker.wait()
        self.broker.stdout.close()
        self.broker = None

    def await_death(self):
        """Its exit status, once it has died by itself."""
        status = self.broker.wait()
        self.broker.stdout.close()
        self.broker = None
        return status

    def lose_memory(self):
        """As a power cut does; with no broker running."""
        shutil.rmtree(self.shm)
        self.shm.mkdir()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def run(self, *arguments, text=None):
        """The output of a ringmain command that must succeed."""
        done = subprocess.run([self.ringmain, *arguments], env=self.environment, input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"ringmain {' '.join(arguments)}: {done.stderr}\nbroker: {self.log()}")
        return done.stdout

    def fails(self, *arguments):
        """What a ringmain command that must fail says."""
        done = subprocess.run([self.ringmain, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 1:
            raise AssertionError(f"ringmain {' '.join(arguments)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stderr

    def kcat(self, *arguments, text=None):
        """The output of a kcat that must succeed."""
        done = subprocess.run(["kcat", "-b", self.address, *arguments], input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"kcat {' '.join(arguments)}: {done.stderr}\nbroker: {self.log()}")
        return done.stdout
