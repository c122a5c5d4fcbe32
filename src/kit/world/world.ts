// The only door to time, chance, files, processes and sockets.
// Everything above takes a World and so runs the same on a real host and in a test on virtual time.
import type { DatabaseSync } from 'node:sqlite'
import type { Duplex, Readable, Writable } from 'node:stream'

export type Cancel = () => void

export type Clock = {
  /** Milliseconds since the Unix epoch, UTC, whole. */
  now(): number
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  monotonic(): number
}

export type TimerOptions = {
  /** A periodic or housekeeping timer: `settle()` in tests doesn't wait for it. */
  background?: boolean
}

export type Timers = {
  after(ms: number, fire: () => void, options?: TimerOptions): Cancel
  /** Resolves after `ms`; rejects with the signal's reason when that comes first. */
  sleep(ms: number, options?: TimerOptions & { signal?: AbortSignal }): Promise<void>
}

export type Random = {
  bytes(count: number): Buffer
  /** RFC 9562 version 4, with dashes: servers, ports, volumes, images. */
  uuid(): string
  /** The same without dashes: ids of identity. */
  hexId(): string
  /** A whole number, `min` included, `below` excluded. */
  int(min: number, below: number): number
}

export type FileInfo = {
  size: number
  mode: number
  uid: number
  gid: number
  mtimeMs: number
  isDirectory: boolean
  isFile: boolean
  isSocket: boolean
  inode: number
  device: number
  blocks: number
}

export type OpenFile = {
  read(buffer: Buffer, offset: number, length: number, position: number | null): Promise<number>
  write(buffer: Buffer, offset: number, length: number, position: number | null): Promise<number>
  writev(buffers: Buffer[]): Promise<void>
  truncate(length: number): Promise<void>
  datasync(): Promise<void>
  close(): Promise<void>
}

/** Paths are below the folder that is copied: 'image/images'. */
export type CopyTreeOptions = {
  skip?(path: string): boolean
  /** Such a file is linked: one that is never written again. */
  link?(path: string): boolean
}
export type CopiedTree = { files: number; bytes: number }

export type Files = {
  read(path: string): Promise<Buffer>
  readText(path: string): Promise<string>
  /**
   * Octets of a file from `position` on into `buffer`, at once: for a small part that the kernel most likely has in
   * memory and whose reader can't wait. Gives their count: fewer where the file ends before.
   */
  readSync(path: string, position: number, buffer: Buffer): number
  /** `mode` holds for new files; the default is 0o600, for the owner alone. */
  write(path: string, data: string | Uint8Array, options?: { mode?: number }): Promise<void>
  /** Written beside, synced, then renamed: a reader sees the old or the new text, never a part. */
  writeAtomic(path: string, data: string | Uint8Array, options?: { mode?: number }): Promise<void>
  append(path: string, data: string | Uint8Array, options?: { mode?: number }): Promise<void>
  /** With parents; the default mode is 0o700. No error when it is there. */
  makeFolder(path: string, options?: { mode?: number }): Promise<void>
  list(path: string): Promise<string[]>
  /** Undefined where nothing is. */
  info(path: string): Promise<FileInfo | undefined>
  exists(path: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  link(existing: string, path: string): Promise<void>
  /**
   * Copies a folder to where nothing is, within one turn of the event loop: nothing of this process moves meanwhile, so
   * the copy is what a kill at that instant would have left. Sockets are left out.
   */
  copyTreeSync(from: string, to: string, options?: CopyTreeOptions): CopiedTree
  /** No error when it is gone. */
  remove(path: string): Promise<void>
  /** What was made, renamed or removed in a folder is on disk. */
  syncFolder(path: string): Promise<void>
  /** A folder with all below it. No error when it is gone. */
  removeTree(path: string): Promise<void>
  chmod(path: string, mode: number): Promise<void>
  chown(path: string, uid: number, gid: number): Promise<void>
  open(path: string, flags: 'r' | 'r+' | 'w' | 'wx' | 'a', mode?: number): Promise<OpenFile>
  /** `chunkBytes` is what is read at once, 64 KiB unless told. Each chunk is memory of its own. */
  readStream(path: string, range?: { start?: number; end?: number; chunkBytes?: number }): Readable
  writeStream(path: string, options?: { flags?: 'w' | 'wx' | 'a'; mode?: number }): Writable
  /** Free and total bytes of the file system that holds `path`. */
  space(path: string): Promise<{ freeBytes: number; totalBytes: number }>
}

export type RunOptions = {
  cwd?: string
  /** Replaces the environment; PATH is kept unless named. */
  env?: Record<string, string>
  input?: string | Uint8Array
  /** Killed after this long; the default is 30 s. */
  timeoutMs?: number
  uid?: number
  gid?: number
}
export type RunResult = { code: number; signal: string | null; stdout: string; stderr: string }

export type StartOptions = {
  cwd?: string
  env?: Record<string, string>
  /** Its own session: it outlives us. */
  detached?: boolean
  /** Appended to; standard output and error together. */
  logFile?: string
  uid?: number
  gid?: number
}
export type Exit = { code: number | null; signal: string | null }
export type StartedProcess = { pid: number; exited: Promise<Exit>; kill(signal?: NodeJS.Signals): void }

export type ProcessInfo = {
  pid: number
  parent: number
  startTicks: number
  command: string[]
}

export type Processes = {
  /** Arguments go as they are, never through a shell. Rejects with kind 'missing' where there is no such program. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
  start(command: string, args: readonly string[], options?: StartOptions): Promise<StartedProcess>
  alive(pid: number): boolean
  /** False where the process is gone. */
  signal(pid: number, signal: NodeJS.Signals): boolean
  info(pid: number): Promise<ProcessInfo | undefined>
  /** Bytes of memory, its share of what it shares with others; the kernel counts page by page. Undefined where unknown. */
  memory(pid: number): Promise<number | undefined>
  /** Of this process: resident bytes, and the most it may have, which is the machine's or its container's. Cheap. */
  ownMemory(): { residentBytes: number; limitBytes: number }
  /** All processes whose command line holds every one of the words; none of a container, whose paths only read like ours. */
  find(words: readonly string[]): Promise<ProcessInfo[]>
  readonly self: number
}

export type Address = { host: string; port: number } | { path: string; mode?: number }

/** PEM text; several certificates may follow one another. */
export type Pem = string | Buffer

export type ListenTls = {
  /** The listener's own certificate, with those between it and the authority. */
  cert: Pem
  key: Pem
  /** Who signs peers' certificates. */
  ca?: Pem
  /** Asks peers for a certificate; one that `ca` didn't sign is refused. */
  requestClientCert?: boolean
  /** Refuses peers that show none. */
  requireClientCert?: boolean
}
export type ConnectTls = {
  /** Who signs the listener's certificate; the default is the host's own list of authorities. */
  ca?: Pem
  cert?: Pem
  key?: Pem
  /** The name that the listener's certificate must hold; the default is the address's host. */
  serverName?: string
  /** Talks to whoever listens: only for what says nothing secret. */
  unverified?: boolean
}

export type PeerCertificate = {
  /** As RFC 4514 writes it, most specific first: 'CN=agent,O=Nimbo'. */
  subject: string
  issuer: string
  /** More than one are joined by commas. */
  commonName: string | undefined
  validFromMs: number
  validToMs: number
  /** SHA-256 of the certificate in DER, hexadecimal in lower case. */
  fingerprint: string
}
export type ConnectionTls = {
  /** 'TLSv1.3'. */
  protocol: string
  cipher: string
  /** The peer's, where it has shown one. A listener has checked who signed it. */
  certificate: PeerCertificate | undefined
}

export type Connection = Duplex & {
  /** 'address:port' of the other end, or the path of the socket. */
  readonly peer: string
  /** The same of our own end, where it has one. */
  readonly local?: string
  readonly tls?: ConnectionTls
  setNoDelay?(on?: boolean): unknown
}
export type Listener = {
  readonly address: Address
  /** New connections get these from now on: certificates end, listeners stay. */
  renew(tls: ListenTls): void
  close(): Promise<void>
}

export type Sockets = {
  /** With `tls`, `accept` gets connections whose handshake is over. */
  listen(
    address: Address,
    accept: (connection: Connection) => void,
    options?: { tls?: ListenTls },
  ): Promise<Listener>
  /** Rejects with kind 'unavailable', also where either end refuses the other's certificate. */
  connect(address: Address, options?: { timeoutMs?: number; tls?: ConnectTls }): Promise<Connection>
  /** All addresses of a name, in the order to try them. Rejects with kind 'unavailable' where it has none. */
  resolve(name: string): Promise<string[]>
}

export type Sqlite = {
  /**
   * A file, or ':memory:'. `timeoutMs` is how long a statement blocks while another connection holds the lock; the
   * default is not at all. Throws node:sqlite's errors.
   */
  open(path: string, options?: { timeoutMs?: number; foreignKeys?: boolean }): SqliteDatabase
}
export type SqliteDatabase = Pick<DatabaseSync, 'exec' | 'prepare' | 'close' | 'isTransaction'> & {
  /** In WAL mode: what was committed before the call survives a power cut when it resolves. */
  flush(): Promise<void>
}

export type HttpRequest = {
  method: string
  /** Path and query. */
  url: string
  headers: Record<string, string>
  body?: string | Buffer | Readable
  /** Leaves the answer's body unread, as `stream`. */
  stream?: boolean
}
export type HttpAnswer = { status: number; headers: Record<string, string>; body: Buffer; stream?: Readable }

/** HTTP between processes as whole requests, where there is no host whose sockets and timers could carry it. */
export type HttpNetwork = {
  listen(
    address: { host: string; port: number },
    answer: (request: HttpRequest) => Promise<HttpAnswer>,
  ): Promise<{ readonly address: { host: string; port: number }; close(): Promise<void> }>
  /** Rejects with kind 'unavailable' where nobody listens, the way breaks, or no answer comes in time. */
  request(
    address: { host: string; port: number },
    request: HttpRequest,
    options?: { timeoutMs?: number },
  ): Promise<HttpAnswer>
}

/** Counts work in flight, so that a test knows when the cloud is idle. */
export type Activity = {
  readonly count: number
  track<T>(work: Promise<T>): Promise<T>
  /** Call the result once when the work is over. */
  begin(): () => void
  /** Work of somebody with a time of his own, such as a database server: virtual time waits for it. */
  outside<T>(work: Promise<T>): Promise<T>
  /** A pause for such a one to get on, in milliseconds of his time. */
  pauseOutside(ms: number): Promise<void>
  /** Undefined where there is none; else resolves when all of it is over. */
  outsideOver(): Promise<void> | undefined
}

export type World = {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly files: Files
  readonly processes: Processes
  readonly sockets: Sockets
  readonly sqlite: Sqlite
  /** Whether long computing may go to other threads. Where it may not, they would decide in which order things happen. */
  readonly threads: boolean
  /** Absent where HTTP goes over `sockets`. */
  readonly http?: HttpNetwork
  readonly activity: Activity
  readonly env: Readonly<Record<string, string | undefined>>
  readonly host: { readonly name: string; readonly cpus: number; readonly memoryBytes: number }
}
