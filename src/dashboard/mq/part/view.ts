// A page: an element that is built once, and how it is brought up to date.
import type { Api } from './session.ts'

export type View = {
  element: HTMLElement
  /** Called at once and every five seconds while the page is seen. */
  refresh(): Promise<void>
}

export type Context = {
  api: Api
  /** The virtual host chosen above, or undefined for all. */
  vhost: string | undefined
  vhosts: readonly string[]
  user: string
  /** Tags of the user: they decide what the broker lets them see. */
  tags: readonly string[]
  /** Brings the page up to date now. */
  reload(): void
  /** Goes to '#/…'. */
  go(path: string): void
}

/** The path of a list: of one virtual host or of all. */
export function listPath(kind: string, { vhost }: Context): string {
  return vhost === undefined ? kind : `${kind}/${encodeURIComponent(vhost)}`
}

/** '#/queues/%2F/name'. */
export function href(...segments: readonly string[]): string {
  return `#/${segments.map(encodeURIComponent).join('/')}`
}
