// Somebody tries what belongs to another project: all of it must look as if it weren't there.
import type { Act } from './act.ts'
import type { OwnThing } from './client.ts'
import { isRefusal } from './operation.ts'
import { type Kind, placeOf } from './thing.ts'

const kinds: Kind[] = [
  'server',
  'volume',
  'network',
  'subnet',
  'port',
  'router',
  'floatingip',
  'security_group',
]

export const foreignActs: Act[] = [
  {
    name: 'foreign.touch',
    weight: 3,
    async run(client) {
      const others = client.everybody.filter((each) => each.projectId !== client.projectId)
      const things = others
        .flatMap((each) => each.things)
        .filter((each) => kinds.includes(each.kind) && each.id)
      const thing = client.pick(things) as OwnThing | undefined
      if (!thing) return
      const { type, collection, wrapper } = placeOf(thing.kind)
      const path = `${collection}/${thing.id}`
      const verb = client.pick(['GET', 'PUT', 'DELETE'])!
      await client.operate(`foreign.${verb}`, thing, async () => {
        try {
          const body = verb === 'PUT' ? { [wrapper!]: { description: 'taken over' } } : undefined
          await client.once(type, { method: verb, path, body })
          client.ledger.complain(
            client.name,
            `${verb} ${thing.kind} ${thing.id} of project ${thing.project} was answered well`,
          )
        } catch (error) {
          if (!isRefusal(error, 'notFound', 'forbidden')) throw error
        }
      })
    },
  },
]
