// The file of durable exchanges, queues and bindings: changes are appended, and once most of it is history it is
// written whole again.
import { Writer } from '#kit/amqp/writer.ts'
import type { OpenFile } from '#kit/world/world.ts'
import type { Disk } from './disk.ts'
import type { Change } from './store.ts'
import { readTopology, Topology, writeChange } from './topology.ts'

/** Below this size history does no harm. */
const rewriteAbove = 256 * 1024

export class TopologyFile {
  topology = new Topology()
  readonly #disk: Disk
  readonly #path: string
  #pending = new Writer(1024)
  #file: OpenFile | undefined
  #length = 0
  /** What it had when it was last written whole. */
  #wholeLength = 0

  constructor(disk: Disk) {
    this.#disk = disk
    this.#path = disk.path('topology')
  }

  get hasNews(): boolean {
    return this.#pending.at > 0
  }

  async open(): Promise<void> {
    const { files } = this.#disk.world
    const octets = (await files.exists(this.#path)) ? await files.read(this.#path) : Buffer.alloc(0)
    const { topology, damaged, torn } = readTopology(octets)
    this.topology = topology
    if (damaged > 0 || torn > 0) {
      // What is lost here takes the messages of its queues with it: the file is kept for whoever can mend it.
      const kept = this.#disk.path('topology.damaged')
      await files.write(kept, octets)
      const what = { file: this.#path, kept, damaged, torn }
      if (damaged > 0)
        this.#disk.log.error(what, 'the file of queues and exchanges is damaged; some are lost')
      else this.#disk.log.warn(what, 'the last change of queues and exchanges was cut short')
    }
    await this.#rewrite()
  }

  record(change: Change): void {
    this.topology.apply(change)
    writeChange(this.#pending, change)
  }

  /** All changes so far are on disk. */
  async write(): Promise<void> {
    const pending = this.#pending
    if (pending.at === 0) return
    this.#pending = new Writer(Math.min(pending.buffer.length, 64 * 1024))
    if (this.#length + pending.at > rewriteAbove + 4 * this.#wholeLength) {
      await this.#disk.insist(() => this.#rewrite())
      return
    }
    await this.#disk.insist(async () => {
      this.#file ??= await this.#disk.world.files.open(this.#path, 'r+')
      await this.#disk.writeAt(this.#file, pending.written(), this.#length)
      await this.#file.datasync()
    })
    this.#length += pending.at
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }

  async #rewrite(): Promise<void> {
    const { files } = this.#disk.world
    // What is recorded while this is written comes again in the next write, which changes nothing.
    const whole = Buffer.from(this.topology.written())
    await files.writeAtomic(this.#path, whole)
    this.#length = whole.length
    this.#wholeLength = whole.length
    const replaced = this.#file
    this.#file = undefined
    await replaced?.close()
  }
}
