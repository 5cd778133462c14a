#!/usr/bin/env python3
"""A delivery worker for Bursar: claims paid courses, delivers their files, says where they are.

Python 3.9 or later, standard library only. The README beside this file says how to run it, and what
to change to make it yours: the function `deliver`.
"""

import argparse
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path


class LeaseLost(Exception):
    """Another worker has the task now. Stop, and report nothing."""


class Refused(Exception):
    """Bursar understood and declined: trying the same again is no use."""


class Away(Exception):
    """No answer, or none that can be trusted: the same call may work later."""


class Bursar:
    """The three calls, signed."""

    def __init__(self, address, secret):
        self.address = address.rstrip("/")
        self.secret = secret.encode()

    def claim(self, limit=1):
        return self._call("/api/v1/worker/claim", {"limit": limit})["tasks"]

    def heartbeat(self, task):
        body = {"taskId": task["taskId"], "lease": task["lease"]}
        self._call("/api/v1/worker/heartbeat", body)

    def finalize(self, task, report):
        body = {"taskId": task["taskId"], "lease": task["lease"], **report}
        return self._call("/api/v1/webhook/finalize", body)

    def _call(self, path, body):
        raw = json.dumps(body).encode()
        # The clock of this machine must be right to five minutes.
        timestamp = str(int(time.time()))
        signature = hmac.new(self.secret, timestamp.encode() + b"." + raw, hashlib.sha256)
        request = urllib.request.Request(
            self.address + path,
            data=raw,
            headers={
                "Content-Type": "application/json",
                "X-Timestamp": timestamp,
                "X-Signature": signature.hexdigest(),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _meaning(error) from None
        except (OSError, ValueError) as error:
            raise Away(str(error)) from None


def _meaning(error):
    """What an answer that is no success tells the worker to do. `code` is stable; `detail` is for people."""
    try:
        problem = json.load(error)
        code, detail = problem.get("code", ""), problem.get("detail", "")
    except ValueError:
        code, detail = "", "no JSON"
    if code == "lease_lost":
        return LeaseLost(detail)
    if error.code == 429 or error.code >= 500:
        return Away(f"{error.code} {code}")
    return Refused(f"{error.code} {code}: {detail}")


class Heartbeat:
    """Keeps a task's lease while the block runs. `lost` is set as soon as it is not ours any more."""

    def __init__(self, bursar, task, every=None):
        self.bursar, self.task = bursar, task
        self.every = every or task["heartbeatSeconds"]
        self.lost, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _beat(self):
        while not self._done.wait(self.every):
            try:
                self.bursar.heartbeat(self.task)
                say(f"kept {self.task['taskId']}")
            except (LeaseLost, Refused) as error:
                say(f"lost {self.task['taskId']}: {error}")
                self.lost.set()
                return
            except Away as error:
                # The lease outlives two beats that get lost.
                say(f"heartbeat of {self.task['taskId']}: {error}")


def deliver(task, lost, settings):
    """Make the course's files the buyer's, and say where they are. THIS IS THE PART TO REPLACE.

    `task` has: taskId, orderCode, course, title, folder, email. Return {"drive_link": "https://..."}
    or {"folder_name": "..."}. Raise anything to have it tried again later. Look at `lost` now and then
    in long work: once it is set, another worker delivers, and this one should stop.

    It may be called again for the same task: after a crash, or when an answer got lost. So what it
    makes has a name that the task alone decides, and making it twice is making it once.
    """
    name = f"{task['orderCode']}-{task['course']}"
    if settings.command:
        return by_command(task, lost, settings.command, name)
    source, target = settings.source / task["folder"], settings.target / name
    if target.exists():
        return {"folder_name": name}
    # Under another name until it is whole: a folder that is there is a folder that is complete.
    draft = settings.target / f".{name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft, copy_function=lambda a, b: copy_unless(lost, a, b))
    draft.rename(target)
    return {"folder_name": name}


def copy_unless(lost, source, target):
    if lost.is_set():
        raise LeaseLost("while copying")
    return shutil.copy2(source, target)


def by_command(task, lost, command, name):
    """A program delivers: it gets the task in its environment and may print a link."""
    names = {"taskId": "TASK", "orderCode": "ORDER", "course": "COURSE", "folder": "FOLDER", "email": "EMAIL"}
    environment = {**os.environ, **{f"BURSAR_{names[key]}": str(task[key]) for key in names}}
    with subprocess.Popen(command, shell=True, env=environment, stdout=subprocess.PIPE, text=True) as program:
        while True:
            try:
                output, _ = program.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if lost.is_set():
                    program.kill()
                    raise LeaseLost("while the command ran") from None
    if program.returncode != 0:
        raise RuntimeError(f"the command ended with {program.returncode}")
    link = output.strip()
    return {"drive_link": link} if link.startswith("https://") else {"folder_name": name}


def work(bursar, task, settings):
    """One task, from the claim to the report."""
    say(f"claimed {task['taskId']} {task['orderCode']} {task['course']}")
    with Heartbeat(bursar, task, settings.heartbeat) as heartbeat:
        try:
            report = deliver(task, heartbeat.lost, settings)
        except LeaseLost:
            report = None
        except Exception as error:  # Whatever went wrong is told, and tried again later.
            report = {"error": f"{type(error).__name__}: {error}"[:300]}
        if report is None or heartbeat.lost.is_set():
            say(f"left {task['taskId']}: another worker has it")
            return
        tell(bursar, task, report)


def tell(bursar, task, report, tries=5):
    """Report until there is an answer: a second report of the same end changes nothing."""
    for attempt in range(tries):
        try:
            answer = bursar.finalize(task, report)
            again = " (it was known)" if answer["duplicate"] else ""
            say(f"{'failed' if 'error' in report else 'finished'} {task['taskId']}{again}")
            return
        except LeaseLost:
            say(f"left {task['taskId']}: another worker has it")
            return
        except Refused as error:
            say(f"report of {task['taskId']} was refused: {error}")
            return
        except Away as error:
            say(f"report of {task['taskId']}: {error}")
            time.sleep(min(2**attempt, 10))


def run(bursar, settings, stop):
    while not stop.is_set():
        try:
            tasks = bursar.claim()
        except Away as error:
            say(f"claim: {error}")
            tasks = []
        for task in tasks:
            work(bursar, task, settings)
        if settings.once:
            return
        if not tasks:
            stop.wait(settings.pause)


def say(words):
    print(words, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default=os.environ.get("BURSAR_ADDRESS", "http://127.0.0.1:8080"))
    parser.add_argument("--source", type=Path, default=Path("courses"), help="where the folders of courses are")
    parser.add_argument("--target", type=Path, default=Path("delivered"), help="where buyers' folders go")
    parser.add_argument("--command", help="a program that delivers in place of copying")
    parser.add_argument("--pause", type=float, default=5, help="seconds between looks when there is nothing to do")
    parser.add_argument("--heartbeat", type=float, help="seconds between signs of life; else as often as Bursar asks")
    parser.add_argument("--once", action="store_true", help="look once, deliver what is there, end")
    settings = parser.parse_args()
    secret = os.environ.get("BURSAR_WORKER_SECRET")
    if not secret:
        sys.exit("set BURSAR_WORKER_SECRET to worker.secret of Bursar's settings")
    settings.target.mkdir(parents=True, exist_ok=True)

    # The task in hand is finished first; a second signal ends at once, and the lease ends by itself.
    stop = threading.Event()

    def stopping(*_):
        if stop.is_set():
            os._exit(1)
        say("stopping after this task")
        stop.set()

    signal.signal(signal.SIGTERM, stopping)
    signal.signal(signal.SIGINT, stopping)
    try:
        run(Bursar(settings.address, secret), settings, stop)
    except Refused as error:
        sys.exit(f"Bursar refuses: {error}")
    say("stopped")


if __name__ == "__main__":
    main()
