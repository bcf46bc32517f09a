"""Fetches in children of its own, which can be killed: a line in, the child's id out, its end out.

usage: forking_fetcher.py ENDPOINT CACHE URI PREFIX

Everything is imported before a child is made, so that a child does nothing but fetch. A line with a
number lets the child kill itself when it has done so many things to files.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

import httpx2  # noqa: F401
from huggingface_hub import HfApi, get_session, hf_hub_url  # noqa: F401

from hayakoe_engine.sources import cache, cached, huggingface  # noqa: F401
from hayakoe_engine.sources.access import Patience, SourceAccess
from hayakoe_engine.sources.source import open_source

FILE_EVENTS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"}


def fetch(endpoint, folder, uri, prefix):
    patience = Patience(first_delay_s=0.01)
    access = SourceAccess(Path(folder), hf_endpoint=endpoint, patience=patience)
    open_source(uri, access).fetch(prefix)


def die_after(steps, folder):
    """Be killed before doing anything more to the files of the cache than this."""
    count = itertools.count()

    def watch(event, arguments):
        is_ours = event in FILE_EVENTS and str(arguments[0]).startswith(folder)
        if is_ours and next(count) == steps:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


for line in sys.stdin:
    if (child := os.fork()) == 0:
        status = 1
        try:
            if line.strip():
                die_after(int(line), sys.argv[2])
            fetch(*sys.argv[1:])
            status = 0
        finally:
            os._exit(status)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
