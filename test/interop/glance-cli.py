"""Runs commands of the stock glance client, one a line from standard input, in one process: starting it takes longer than
most commands do. Answers each with a line of JSON: what it printed, what it complained of, and its exit code."""
import contextlib
import io
import json
import shlex
import sys

from glanceclient.shell import OpenStackImagesShell
from oslo_utils import encodeutils


class Standard(io.TextIOWrapper):
    """Standard output that says it is no terminal and keeps what it gets; the client writes bytes to its buffer, too."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding='utf-8', write_through=True)

    def text(self):
        return self.buffer.getvalue().decode('utf-8', 'replace')


class Terminal(io.StringIO):
    """Standard input that offers nothing: the client takes what isn't a terminal for an image."""

    def isatty(self):
        return True


def run(words):
    out, err = Standard(), Standard()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            OpenStackImagesShell().main(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
            if isinstance(ended.code, str):
                print(ended.code, file=sys.stderr)
        except Exception as failure:
            code = 1
            print(encodeutils.exception_to_unicode(failure), file=sys.stderr)
    return {'code': code, 'stdout': out.text(), 'stderr': err.text()}


lines = sys.stdin.read().splitlines()
sys.stdin = Terminal()
for line in lines:
    print(json.dumps(run(shlex.split(line))), flush=True)
