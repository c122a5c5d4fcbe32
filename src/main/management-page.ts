// The files of the message bus's management page, where this program has them.
import { openPage, type Page } from '#broker/management/page.ts'
import type { World } from '#kit/world/world.ts'

export function managementPage(world: World): Page {
  return openPage(world, `${import.meta.dirname}/../dashboard/mq`)
}
