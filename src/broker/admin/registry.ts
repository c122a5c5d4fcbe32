// What operators set: virtual hosts, users, rights, policies, limits. One place, kept on disk, in force at once.
// The files beside this one change it; connections and the management API read it.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import type { Vhost } from '../core/vhost.ts'
import { exportSettings, importSettings } from './settings.ts'
import type { User } from './user.ts'

export type VhostLimit = 'max-connections' | 'max-queues'

export type VhostSettings = {
  description: string
  tags: readonly string[]
  /** For queues declared without x-queue-type. */
  defaultQueueType: 'classic' | 'quorum' | undefined
  tracing: boolean
  /** A negative number is no limit. */
  readonly limits: Map<VhostLimit, number>
}

/** RabbitMQ's name for it. */
const idName = 'internal_cluster_id'

/** What a change means to those who are connected. */
export type RegistryHost = {
  readonly world: World
  readonly log: Log
  /** A new virtual host, with what the disk has for it. */
  openVhost(name: string): Vhost
  /** Closes its connections. */
  vhostDeleted(name: string): void
  userDeleted(name: string): void
}

export class Registry {
  readonly host: RegistryHost
  readonly users: Map<string, User> = new Map()
  readonly vhosts: Map<string, Vhost> = new Map()
  readonly vhostSettings: Map<string, VhostSettings> = new Map()
  readonly globalParameters: Map<string, JsonValue> = new Map()
  readonly #file: string | undefined
  #wanted = 0
  #written = 0
  #writing: Promise<void> | undefined

  /** Without a file it lives as long as the broker. */
  constructor(host: RegistryHost, file: string | undefined) {
    this.host = host
    this.#file = file
  }

  get clusterName(): string {
    const name = this.globalParameters.get('cluster_name')
    return typeof name === 'string' ? name : this.nodeName
  }

  /** As RabbitMQ names a node: those who monitor it split at the '@'. */
  get nodeName(): string {
    return `rabbit@${this.host.world.host.name.split('.')[0]}`
  }

  /** The cluster's own, for good: those who monitor many tell them apart by it. */
  giveId(): void {
    if (this.globalParameters.has(idName)) return
    const id = this.host.world.random.bytes(16).toString('base64url')
    this.globalParameters.set(idName, `rabbitmq-cluster-id-${id}`)
    this.changed()
  }

  /** What the last run had set; false where there is nothing yet. */
  async load(): Promise<boolean> {
    const { files } = this.host.world
    if (this.#file === undefined || !(await files.exists(this.#file))) return false
    const text = await files.readText(this.#file)
    let settings: JsonObject
    try {
      settings = JSON.parse(text)
    } catch {
      // Without the cause: it quotes the text, and there are password hashes in it.
      throw new CloudError(
        'internal',
        `${this.#file} is not JSON: restore it from a copy, or remove it and start anew`,
      )
    }
    importSettings(this, settings)
    return true
  }

  /** Something was set. */
  changed(): void {
    this.#wanted++
    if (this.#file === undefined || this.#writing) return
    this.#writing = this.#write()
    // Whoever answers for the change waits with `saved`; the next change tries again in any case.
    this.#writing.catch((error) =>
      this.host.log.error(
        { error: fullMessage(error) },
        'the broker could not keep a change of its settings',
      ),
    )
  }

  /** All that was set so far is on disk. */
  async saved(): Promise<void> {
    if (this.#file === undefined) return
    const wanted = this.#wanted
    while (this.#written < wanted) {
      this.#writing ??= this.#write()
      await this.#writing
    }
  }

  async #write(): Promise<void> {
    try {
      while (this.#written < this.#wanted) {
        const covers = this.#wanted
        const text = `${JSON.stringify(exportSettings(this), null, 1)}\n`
        await this.host.world.activity.track(this.host.world.files.writeAtomic(this.#file!, text))
        this.#written = covers
      }
    } catch (error) {
      throw new CloudError(
        'unavailable',
        'The change is in force, but could not be written to the disk: it is lost if the broker ends now',
        { cause: error },
      )
    } finally {
      this.#writing = undefined
    }
  }
}
