"""Runs stock clients, each command in a fork of this process, which has imported their modules already: importing takes a
second of processor, a command a tenth of that. What a fork runs is the client's own program as it stands in /usr/bin, with
arguments, an environment and standard streams of its own. Before the fork nothing happens but imports, and those with
nothing of a login in the environment: commands share no token, no session and nothing that they have read.

A request is a line of JSON on standard input, {id, program, args, env, cwd, input, terminal, seconds}, its answer one on
standard output, {id, code, signal, stdout, stderr, late}. Several run side by side. Ends with its standard input."""
import atexit
import gc
import importlib
import importlib.metadata
import json
import os
import runpy
import selectors
import shutil
import signal
import sys
import time
import traceback

# Not those of cinder and neutron, which do more on import than to define.
SHELLS = ('openstackclient', 'glanceclient')
# What commands import only when they run: each command of volumes reads 500 modules.
LATE = (
    'cinderclient.v3.client',
    'cliff.interactive',
    'dogpile.cache.backends.null',
    'glanceclient.v2.client',
    'glanceclient.v2.shell',
    'keystoneclient.contrib.ec2.utils',
    'netrc',
    'openstack',
    'openstackclient.api.compute_v2',
    'osc_placement.http',
    'readline',
    'shlex',
)


def imports():
    # A script's own folder comes first in its path, and cliff takes its name from the first word when it is imported.
    sys.path[0] = '/usr/bin'
    sys.argv[0] = '/usr/bin/openstack'
    plugins = {
        point.module
        for group, points in importlib.metadata.entry_points().items()
        if group.startswith(('openstack.', 'keystoneauth1.plugin', 'cliff.formatter'))
        for point in points
    }
    for name in [*(f'{shell}.shell' for shell in SHELLS), *LATE, *sorted(plugins)]:
        try:
            importlib.import_module(name)
        except ImportError:
            # The command that needs it says so.
            pass
    # What packages are installed, which takes as long to read as most commands take for all else.
    sys.modules['cliff.command']._get_distributions_by_modules()
    # Forks share what is never looked at again.
    gc.collect()
    gc.freeze()


class Running:
    """A command: its process, and where its output goes."""

    def __init__(self, request):
        self.id = request['id']
        self.streams = [os.memfd_create(name) for name in ('stdout', 'stderr')]
        self.terminal, entry = standard_input(request)
        self.pid = os.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for at, stream in enumerate([entry, *self.streams]):
                os.dup2(stream, at)
            return
        os.close(entry)
        self.ended = os.pidfd_open(self.pid)
        self.deadline = time.monotonic() + request['seconds']
        self.late = False

    def kill_when_late(self):
        if not self.late and time.monotonic() > self.deadline:
            self.late = True
            os.kill(self.pid, signal.SIGKILL)

    def answer(self):
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        stdout, stderr = (whole(stream) for stream in self.streams)
        for each in (self.ended, self.terminal, *self.streams):
            if each is not None:
                os.close(each)
        killed = signal.Signals(-code).name if code < 0 else None
        said = {'code': code, 'signal': killed, 'stdout': stdout, 'stderr': stderr}
        return {'id': self.id, **said, 'late': self.late}


def standard_input(request):
    """What keeps it open, and the stream."""
    if request.get('terminal'):
        return os.openpty()
    if request.get('input') is None:
        return None, os.open(os.devnull, os.O_RDONLY)
    stream = os.memfd_create('stdin')
    with open(stream, 'wb', closefd=False) as file:
        file.write(request['input'].encode())
    os.lseek(stream, 0, os.SEEK_SET)
    return None, stream


def whole(stream):
    return os.pread(stream, os.fstat(stream).st_size, 0).decode('utf-8', 'replace')


def serve():
    """Gives, in the fork, what to run there."""
    running = {}
    rest = b''
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ)
    while True:
        first = min((each.deadline for each in running.values()), default=None)
        for key, _ in waiting.select(first and max(first - time.monotonic(), 0.05)):
            if key.fd != 0:
                waiting.unregister(key.fd)
                os.write(1, json.dumps(running.pop(key.fd).answer()).encode() + b'\n')
                continue
            chunk = os.read(0, 1 << 20)
            if not chunk:
                for each in running.values():
                    os.kill(each.pid, signal.SIGKILL)
                return None
            *lines, rest = (rest + chunk).split(b'\n')
            for line in lines:
                request = json.loads(line)
                each = Running(request)
                if each.pid == 0:
                    return request
                running[each.ended] = each
                waiting.register(each.ended, selectors.EVENT_READ)
        for each in running.values():
            each.kill_when_late()


def run(request):
    """As python runs a script; gives its exit code."""
    os.environ.clear()
    os.environ.update(request['env'])
    os.chdir(request.get('cwd') or '/')
    named = request['program']
    script = named if os.sep in named else shutil.which(named)
    if script is None:
        print(f'there is no {named}', file=sys.stderr)
        return 127
    sys.path[0] = os.path.dirname(script)
    sys.argv[1:] = request['args']
    try:
        runpy.run_path(script, run_name='__main__')
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


# ^C at the tests ends it, too, and it has nothing to say then: its standard input ends with them.
signal.signal(signal.SIGINT, signal.SIG_IGN)
imports()
asked = serve()
if asked:
    code = run(asked)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    # Taking all modules down again would take as long as a short command.
    os._exit(code & 255)
